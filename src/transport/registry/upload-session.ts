import { sleep } from "../../base/index.ts";
import type { OfferedBlob } from "../../image/index.ts";
import type { Digest } from "../../oci/index.ts";
import type { RegistryResponse } from "./http/registry-http.ts";
import { assertSentDigest, breaksProtocol } from "./registry-error.ts";
import { pathIn, type Repository, scopeOf, withSignal } from "./repository.ts";

/** An upload that was begun (distribution-spec pushing-blobs). It moves: each answer says where it goes on. */
export interface UploadSession {
  /** Absolute URL. Its query may be a secret. */
  readonly url: string;
  /** Shortest chunk that the registry takes, but for the last; 0 where it does not say. */
  readonly minChunk: number;
}

const CANCEL_MS = 5000;

/**
 * Begins an upload, or has the blob mounted from its origin in the same registry: then there is nothing to upload.
 * @throws StrataError `registry-protocol`, and what refuses the push
 */
export async function beginUpload(
  repository: Repository,
  { descriptor, origin }: OfferedBlob,
  signal: AbortSignal | undefined,
): Promise<UploadSession | "mounted"> {
  const canMount = origin?.registry === repository.registry && origin.repository !== repository.name;
  if (canMount) {
    const mounting = mountBlob(repository, { digest: descriptor.digest, from: origin.repository }, signal);
    const answer = await mounting.catch((error: unknown) => {
      // Who may not read there, or a registry that knows no mounting, can still take an upload.
      if (signal?.aborted === true) throw error;
      return undefined;
    });
    if (answer !== undefined) return answer;
  }
  return sessionOf(repository, await post(repository, "", { scopes: repository.scopes, accept: [202], signal }));
}

async function mountBlob(
  repository: Repository,
  { digest, from }: { readonly digest: Digest; readonly from: string },
  signal: AbortSignal | undefined,
): Promise<UploadSession | "mounted"> {
  const scopes = [...repository.scopes, scopeOf(from, "pull")];
  const query = `?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
  const response = await post(repository, query, { scopes, accept: [201, 202], signal });
  if (response.status === 202) return sessionOf(repository, response);
  assertSentDigest(repository, response, digest);
  return "mounted";
}

interface PostOptions {
  readonly scopes: readonly string[];
  readonly accept: readonly number[];
  readonly signal: AbortSignal | undefined;
}

async function post(repository: Repository, query: string, options: PostOptions): Promise<RegistryResponse> {
  const { scopes, accept, signal } = options;
  const path = pathIn(repository, `blobs/uploads/${query}`);
  // Begun twice leaves an empty upload behind, which registries clean up.
  const response = await repository.http.request({
    method: "POST",
    path,
    scopes,
    accept,
    isRepeatable: true,
    ...withSignal(signal),
  });
  await response.discard();
  return response;
}

/** Where an answer says that the upload goes on; `before` where it may leave that out. */
export function sessionOf(
  repository: Repository,
  { headers, url }: RegistryResponse,
  before?: UploadSession,
): UploadSession {
  const location = headers.get("location");
  if (location === undefined && before !== undefined) return before;
  if (location === undefined || !URL.canParse(location, url.href)) {
    throw breaksProtocol(repository, "begins an upload without saying where it goes on");
  }
  const next = new URL(location, url);
  // Registries behind a proxy that ends TLS do not know that they are spoken to through it.
  if (next.hostname === url.hostname && next.protocol === "http:" && url.protocol === "https:") {
    next.protocol = "https:";
    next.port = url.port;
  }
  const minimum = Number(headers.get("oci-chunk-min-length") ?? before?.minChunk ?? 0);
  return { url: next.href, minChunk: Number.isSafeInteger(minimum) && minimum > 0 ? minimum : 0 };
}

/** The URL that ends an upload. The query that is there is kept as it is: it may be signed. */
export function closingUrl({ url }: UploadSession, digest: Digest): string {
  return `${url}${url.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`;
}

/** Tells the registry to forget an upload. Never throws, and takes at most 5 seconds. */
export async function cancelUpload({ http, scopes }: Repository, { url }: UploadSession): Promise<void> {
  const stop = new AbortController();
  const accept = [200, 202, 204, 400, 404, 405];
  const telling = http
    .request({ method: "DELETE", path: url, scopes, accept, isRepeatable: false, signal: stop.signal })
    .then((response) => response.discard())
    .catch(() => {});
  await Promise.race([telling, sleep(CANCEL_MS, stop.signal).catch(() => {})]);
  stop.abort();
  await telling;
}
