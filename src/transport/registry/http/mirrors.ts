import { StrataError } from "../../../base/index.ts";
import type { Endpoint } from "./endpoint.ts";
import type { RegistryRequest, RegistryResponse } from "./registry-request.ts";

/** A mirror of a registry. */
export interface Mirror {
  readonly endpoint: Endpoint;
  /** Stands before the repository there; may be empty. */
  readonly prefix: string;
}

/** Codes of errors after which a mirror is not asked again: each question would cost as long. */
const IS_DOWN = new Set(["registry-unreachable", "registry-timeout", "registry-tls", "registry-connection-lost"]);

/**
 * Asks mirrors in order for what is read, and the origin for what none of them has. Whatever a mirror refuses or fails in,
 * the origin decides; only `aborted` ends the search.
 */
export function readThroughMirrors(mirrors: readonly Mirror[], origin: Endpoint): Endpoint["request"] {
  const down = new Set<Mirror>();
  return async (request) => {
    if (!isRead(request)) return origin.request(request);
    for (const mirror of mirrors) {
      if (down.has(mirror)) continue;
      const answer = await askMirror(mirror, request).catch((error: unknown) => {
        if (error instanceof StrataError && error.kind === "aborted") throw error;
        if (error instanceof StrataError && IS_DOWN.has(error.code)) down.add(mirror);
      });
      if (answer !== undefined) return answer;
    }
    return origin.request(request);
  };
}

async function askMirror(
  { endpoint, prefix }: Mirror,
  request: RegistryRequest,
): Promise<RegistryResponse | undefined> {
  const { path, scopes, accept } = request;
  const moved =
    prefix === ""
      ? request
      : {
          ...request,
          path: path.replace(/^\/v2\/(?=.)/, `/v2/${prefix}/`),
          scopes: scopes.map((scope) => scope.replace(/^(repository(?:\([^)]*\))?:)/, `$1${prefix}/`)),
        };
  // "Not here" is an answer for the origin alone to give.
  return endpoint.request({ ...moved, accept: accept.filter((status) => status < 400) });
}

/** What is under way at the origin, such as an upload, is asked there; so is what the origin gave a whole URL for. */
function isRead({ method, path }: RegistryRequest): boolean {
  const isReading = method === "GET" || method === "HEAD";
  return isReading && path.startsWith("/v2/") && path !== "/v2/" && !path.includes("/blobs/uploads/");
}
