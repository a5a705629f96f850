import * as v from "valibot";
import { decodeDocument, type Reference, validateDocument } from "../../oci/index.ts";
import { readListing } from "./read-listing.ts";
import type { RegistryOptions } from "./registry-options.ts";
import { openRepository, pathIn } from "./repository.ts";
import { repositoryNotFound } from "./resolve-manifest.ts";

/** Which tags, and how many at once. */
export interface ListTagsOptions extends RegistryOptions {
  /** Most tags in one answer of the registry; 1000 unless given. */
  readonly pageSize?: number;
  /** Only tags after this one, in the registry's order. */
  readonly last?: string;
  /** At most that many tags; one million unless given. */
  readonly limit?: number;
  readonly signal?: AbortSignal | undefined;
}

const tagsSchema = v.object({ tags: v.optional(v.array(v.string()), []) });
const DEFAULT_LIMIT = 1_000_000;

/**
 * The tags of a repository in the registry's order (distribution-spec listing-tags), which is nearly always alphabetical.
 * They are the registry's words: whoever prints them makes them printable.
 * @throws StrataError `repository-not-found`, `registry-endless-list`, `invalid-tag-list`
 */
export async function listTags(
  reference: Pick<Reference, "registry" | "repository">,
  options: ListTagsOptions = {},
): Promise<readonly string[]> {
  const { pageSize = 1000, last, limit = DEFAULT_LIMIT, signal, ...http } = options;
  await using repository = openRepository(reference, "pull", http);
  const after = last === undefined ? "" : `&last=${encodeURIComponent(last)}`;
  const path = pathIn(repository, `tags/list?n=${pageSize}${after}`);
  const tags: string[] = [];
  let isThere = false;
  for await (const { bytes } of readListing(repository, path, { signal, absent: [404] })) {
    isThere = true;
    const names = { what: `list of tags of ${repository.place}`, code: "invalid-tag-list" };
    const document = decodeDocument(bytes, { what: names.what, maxBytes: bytes.length });
    // Not spread into one call: a page may hold more than a stack.
    for (const tag of validateDocument(tagsSchema, document, names).tags) tags.push(tag);
    if (tags.length >= limit) break;
  }
  if (!isThere) throw repositoryNotFound(repository);
  return tags.slice(0, limit);
}
