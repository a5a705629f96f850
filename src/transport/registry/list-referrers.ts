import { addDetails } from "../../base/index.ts";
import { type Descriptor, type Digest, MAX_DOCUMENT_BYTES, parseManifest, type Reference } from "../../oci/index.ts";
import { readListing } from "./read-listing.ts";
import { readReferrersTag } from "./referrers-tag.ts";
import type { RegistryOptions } from "./registry-options.ts";
import { openRepository, pathIn, type Repository } from "./repository.ts";

/** Which referrers. */
export interface ListReferrersOptions {
  /** Only those of this type. */
  readonly artifactType?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Registries without the API answer in many ways. */
const NO_API = [400, 403, 404, 405, 406, 501];

/**
 * What names a manifest as its subject: by the referrers API (distribution-spec listing-referrers), else by the tag that
 * stands in for it. Each once; the type is looked at here, whatever the registry did about it.
 * @throws StrataError of parseManifest for a list that is none
 */
export async function listReferrersIn(
  repository: Repository,
  subject: Digest,
  { artifactType, signal }: ListReferrersOptions = {},
): Promise<readonly Descriptor[]> {
  const query = artifactType === undefined ? "" : `?artifactType=${encodeURIComponent(artifactType)}`;
  const path = pathIn(repository, `referrers/${subject}${query}`);
  const found = new Map<Digest, Descriptor>();
  let hasApi = false;
  for await (const { bytes, headers } of readListing(repository, path, { signal, absent: NO_API })) {
    // A registry that answers everything with a page of its own has no API either.
    if (!hasApi && headers.get("content-type")?.startsWith("text/html") === true) break;
    hasApi = true;
    for (const descriptor of referrersIn(bytes, subject)) found.set(descriptor.digest, descriptor);
  }
  if (!hasApi) {
    const listed = await readReferrersTag(repository, subject, { signal, maxBytes: MAX_DOCUMENT_BYTES });
    for (const descriptor of listed) found.set(descriptor.digest, descriptor);
  }
  return [...found.values()].filter((one) => artifactType === undefined || one.artifactType === artifactType);
}

/**
 * What names the manifest of a reference as its subject, each once: by the referrers API, else by the tag that stands in
 * for it. @throws StrataError of parseManifest for a list that is none; what the registry client throws
 */
export async function listReferrers(
  reference: Reference & { readonly digest: Digest },
  options: ListReferrersOptions & RegistryOptions = {},
): Promise<readonly Descriptor[]> {
  const { artifactType, signal, ...http } = options;
  await using repository = openRepository(reference, "pull", http);
  return await listReferrersIn(repository, reference.digest, {
    signal,
    ...(artifactType === undefined ? {} : { artifactType }),
  });
}

function referrersIn(bytes: Uint8Array, subject: Digest): readonly Descriptor[] {
  try {
    const document = parseManifest(bytes, { what: `list of referrers of ${subject}`, maxBytes: bytes.length });
    return document.kind === "index" ? document.manifests : [];
  } catch (error) {
    throw addDetails(error, { digest: subject });
  }
}
