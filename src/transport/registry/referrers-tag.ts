import { StrataError } from "../../base/index.ts";
import type { RawDocument } from "../../image/index.ts";
import {
  algorithmOf,
  type Descriptor,
  type Digest,
  digestOf,
  hexOf,
  MEDIA_TYPE,
  parseManifest,
} from "../../oci/index.ts";
import { fetchManifest, type ManifestOptions } from "./manifest-request.ts";
import { putManifest } from "./put-manifest.ts";
import type { Repository } from "./repository.ts";

/** The tag under which registries without a referrers API keep the list (distribution-spec referrers-tag-schema). */
function referrersTagOf(subject: Digest): string {
  return `${algorithmOf(subject).slice(0, 32)}-${hexOf(subject).slice(0, 64)}`;
}

/** The list under the tag; empty where there is none. @throws StrataError `registry-referrers-taken`, of parseManifest */
export async function readReferrersTag(
  repository: Repository,
  subject: Digest,
  options: ManifestOptions,
): Promise<readonly Descriptor[]> {
  const tag = referrersTagOf(subject);
  const sent = await fetchManifest(repository, tag, options);
  if (sent === undefined) return [];
  const what = `list of referrers ${repository.place}:${tag}`;
  const document = parseManifest(sent.bytes, { what, maxBytes: options.maxBytes });
  if (document.kind !== "index") throw taken(repository, tag);
  return document.manifests;
}

/** Nobody locks a tag: who loses against another writer sees it afterwards, and tries again. */
const ATTEMPTS = 4;

/**
 * Changes the list under the tag: `change` gets what is there and gives what should be, or the same list for no change.
 * Others may write meanwhile: the list is read again afterwards, and the change made again where it got lost.
 * @throws StrataError `registry-referrers-contended` when it got lost every time
 */
export async function updateReferrersTag(
  repository: Repository,
  subject: Digest,
  options: ManifestOptions & { readonly change: (list: readonly Descriptor[]) => readonly Descriptor[] },
): Promise<void> {
  const { change, signal } = options;
  for (let attempt = 1; ; attempt++) {
    const before = await readReferrersTag(repository, subject, options);
    const after = change(before);
    if (after === before) return;
    if (attempt > ATTEMPTS) throw contended(repository, subject);
    if (attempt > 1) await repository.backoff(attempt - 1, signal);
    await putManifest(repository, referrersTagOf(subject), { document: indexOf(after), signal });
  }
}

function indexOf(manifests: readonly Descriptor[]): RawDocument {
  const mediaType = MEDIA_TYPE.ociIndex;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  return { mediaType, digest: digestOf(bytes), bytes };
}

function taken({ place }: Repository, tag: string): StrataError {
  return new StrataError({
    code: "registry-referrers-taken",
    kind: "failed-precondition",
    message: `${place}:${tag} should be a list of referrers, but it is an image`,
    hint: "Give that image another tag",
  });
}

function contended({ place }: Repository, subject: Digest): StrataError {
  return new StrataError({
    code: "registry-referrers-contended",
    kind: "unavailable",
    message: `Others change the list of referrers of ${place}@${subject} all the time`,
    hint: "Try again",
  });
}
