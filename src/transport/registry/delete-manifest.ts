import { StrataError } from "../../base/index.ts";
import {
  type Digest,
  formatReference,
  isDigest,
  MAX_DOCUMENT_BYTES,
  parseManifest,
  type Reference,
} from "../../oci/index.ts";
import { fetchManifest, statManifest } from "./manifest-request.ts";
import { updateReferrersTag } from "./referrers-tag.ts";
import type { RegistryOptions } from "./registry-options.ts";
import { openRepository, pathIn, type Repository, withSignal } from "./repository.ts";
import { notFound, targetOf } from "./resolve-manifest.ts";

/** How something is deleted. */
export interface DeleteOptions extends RegistryOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Deletes the manifest or index of a reference, with all tags that lead to it (distribution-spec deleting-manifests); a
 * tag is resolved to its digest first. Blobs stay: the registry collects them. Gives the digest of what was deleted.
 * Where the registry keeps referrers under a tag, what was deleted is taken off that list.
 * @throws StrataError `image-not-found`, `registry-deletes-nothing`
 */
export async function deleteManifest(reference: Reference, options: DeleteOptions = {}): Promise<Digest> {
  const { signal, ...http } = options;
  await using repository = openRepository(reference, "pull,push,delete", http);
  const target = targetOf(reference);
  const sent = await fetchManifest(repository, target, { signal, maxBytes: MAX_DOCUMENT_BYTES });
  if (sent === undefined) throw notFound(repository, target);
  const { digest, bytes } = sent;
  await deleteTarget(repository, digest, signal);
  const subject = subjectOf(bytes);
  if (subject !== undefined) await forgetReferrer(repository, { subject, digest }, signal);
  return digest;
}

/**
 * Deletes a tag alone (distribution-spec deleting-tags); what it led to stays. Many registries cannot do this.
 * @throws StrataError `image-not-found`, `registry-deletes-nothing`, `invalid-reference` without a tag
 */
export async function deleteTag(reference: Reference, options: DeleteOptions = {}): Promise<void> {
  const { signal, ...http } = options;
  const { tag } = reference;
  if (tag === undefined) throw noTag(reference);
  await using repository = openRepository(reference, "pull,delete", http);
  if ((await statManifest(repository, tag, signal)) === undefined) throw notFound(repository, tag);
  await deleteTarget(repository, tag, signal);
}

async function deleteTarget(repository: Repository, target: string, signal: AbortSignal | undefined): Promise<void> {
  const { http, scopes } = repository;
  // The API of before 1.1 answers a tag with 400.
  const refused = isDigest(target) ? [405, 501] : [400, 405, 501];
  const response = await http.request({
    method: "DELETE",
    path: pathIn(repository, `manifests/${target}`),
    scopes,
    accept: [200, 202, 204, 404, ...refused],
    isRepeatable: true,
    ...withSignal(signal),
  });
  await response.discard();
  if (response.status === 404) throw notFound(repository, target);
  if (refused.includes(response.status)) throw deletesNothing(repository, target);
}

function subjectOf(bytes: Uint8Array): Digest | undefined {
  try {
    return parseManifest(bytes, { what: "manifest" }).subject?.digest;
  } catch {
    // What is not valid can be deleted all the same.
    return undefined;
  }
}

async function forgetReferrer(
  repository: Repository,
  { subject, digest }: { readonly subject: Digest; readonly digest: Digest },
  signal: AbortSignal | undefined,
): Promise<void> {
  await updateReferrersTag(repository, subject, {
    signal,
    maxBytes: MAX_DOCUMENT_BYTES,
    change: (list) => (list.some((one) => one.digest === digest) ? list.filter((one) => one.digest !== digest) : list),
  });
}

function deletesNothing({ registry, place }: Repository, target: string): StrataError {
  const what = isDigest(target) ? "manifests" : "tags";
  return new StrataError({
    code: "registry-deletes-nothing",
    kind: "unsupported",
    message: `The registry of ${place} does not delete ${what}`,
    details: { registry },
    hint: isDigest(target)
      ? "Its administrator can allow it"
      : "Delete the manifest, with all its tags, by its digest; or push something else under the tag",
  });
}

function noTag(reference: Reference): StrataError {
  return new StrataError({
    code: "invalid-reference",
    kind: "invalid-argument",
    message: `${formatReference(reference)} has no tag that could be deleted`,
  });
}
