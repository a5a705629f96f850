import { StrataError } from "../../base/index.ts";
import {
  algorithmOf,
  type Descriptor,
  type Digest,
  digestOf,
  isDigest,
  MEDIA_TYPE,
  parseDigest,
  verifyBytes,
} from "../../oci/index.ts";
import type { RegistryResponse } from "./http/registry-http.ts";
import { createPatience } from "./patience.ts";
import { isBroken, registryDigestMismatch } from "./registry-error.ts";
import { pathIn, type Repository, withSignal } from "./repository.ts";

/** A manifest or index as a registry sent it, its digest verified. */
export interface SentManifest {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  /** The Content-Type, which no digest covers. */
  readonly contentType: string | undefined;
}

/** How manifests are asked for. */
export interface ManifestOptions {
  readonly signal?: AbortSignal | undefined;
  /** Longest document in bytes. */
  readonly maxBytes: number;
}

const ACCEPT = [
  MEDIA_TYPE.ociIndex,
  MEDIA_TYPE.ociManifest,
  MEDIA_TYPE.dockerIndex,
  MEDIA_TYPE.dockerManifest,
  "application/json;q=0.5",
].join(", ");

/**
 * Gets a manifest or index by tag or digest (distribution-spec pulling-manifests); undefined when it is not there.
 * @throws StrataError `digest-mismatch` when the bytes are not those of the digest, `registry-digest-mismatch` when the
 * registry's own `Docker-Content-Digest` is not theirs, `document-too-large`
 */
export async function fetchManifest(
  repository: Repository,
  target: string,
  options: ManifestOptions,
): Promise<SentManifest | undefined> {
  const endure = createPatience(repository);
  for (;;) {
    const response = await askForManifest(repository, target, { method: "GET", signal: options.signal });
    if (response.status === 404) {
      await response.discard();
      return undefined;
    }
    try {
      const bytes = await response.bytes(options.maxBytes);
      return { digest: digestFor(repository, target, { bytes, response }), bytes, contentType: typeOf(response) };
    } catch (error) {
      if (!isBroken(error)) throw error;
      await endure({ failure: error, hasProgressed: false, signal: options.signal });
    }
  }
}

/** A manifest's descriptor by HEAD; undefined when it is not there. `digest` is undefined where the registry does not tell. */
export async function statManifest(
  repository: Repository,
  target: string,
  signal?: AbortSignal,
): Promise<(Pick<Descriptor, "mediaType" | "size"> & { readonly digest: Digest | undefined }) | undefined> {
  const response = await askForManifest(repository, target, { method: "HEAD", signal });
  await response.discard();
  if (response.status === 404) return undefined;
  const claimed = response.headers.get("docker-content-digest");
  const digest = claimed !== undefined && isDigest(claimed) ? claimed : undefined;
  return { mediaType: typeOf(response) ?? "", digest, size: Number(response.headers.get("content-length") ?? 0) };
}

async function askForManifest(
  repository: Repository,
  target: string,
  { method, signal }: { readonly method: "GET" | "HEAD"; readonly signal: AbortSignal | undefined },
): Promise<RegistryResponse> {
  return await repository.http.request({
    method,
    path: pathIn(repository, `manifests/${target}`),
    headers: { accept: ACCEPT },
    scopes: repository.scopes,
    accept: [200, 404],
    ...withSignal(signal),
  });
}

function typeOf({ headers }: RegistryResponse): string | undefined {
  return headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
}

/** The digest that the bytes were asked for by, else the registry's where it is right, else their sha256. */
function digestFor(
  repository: Repository,
  target: string,
  { bytes, response }: { readonly bytes: Uint8Array; readonly response: RegistryResponse },
): Digest {
  const claimed = response.headers.get("docker-content-digest");
  if (isDigest(target)) verifyBytes(bytes, { digest: target, what: `manifest ${target} of ${repository.place}` });
  assertClaimedDigest(repository, claimed, bytes);
  if (isDigest(target)) return target;
  return claimed !== undefined && isDigest(claimed) ? claimed : digestOf(bytes);
}

/** Holds a `Docker-Content-Digest` against the bytes; one of an algorithm that nobody here computes says nothing. */
function assertClaimedDigest(repository: Repository, claimed: string | undefined, bytes: Uint8Array): void {
  if (claimed === undefined || isUnknownAlgorithm(claimed)) return;
  const actual = digestOf(bytes, isDigest(claimed) ? algorithmOf(claimed) : "sha256");
  if (actual !== claimed) throw registryDigestMismatch(repository, { claimed, actual });
}

function isUnknownAlgorithm(text: string): boolean {
  try {
    parseDigest(text);
    return false;
  } catch (error) {
    return error instanceof StrataError && error.code === "unsupported-digest-algorithm";
  }
}
