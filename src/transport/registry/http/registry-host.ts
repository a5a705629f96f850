import { isIP } from "node:net";
import { StrataError } from "../../../base/index.ts";

/** Where a registry's API is, and how it may be spoken to. */
export interface RegistryHost {
  /** As in references: `docker.io`. Credentials and certificates are kept under it. */
  readonly name: string;
  /** Base URLs to try in order, the API's `/v2/` below them; more than one where plain HTTP is allowed. */
  readonly bases: readonly URL[];
}

const DOCKER_HUB = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/**
 * Where to find the registry of a reference's host. Plain HTTP is tried, after HTTPS, for this machine and where
 * `insecure` allows it.
 * @throws StrataError `invalid-registry`
 */
export function resolveRegistryHost(host: string, options: { readonly insecure?: boolean } = {}): RegistryHost {
  if (!HOST.test(host) || !URL.canParse(`https://${host}`)) throw invalidRegistry(host);
  if (DOCKER_HUB.has(host.toLowerCase()))
    return { name: "docker.io", bases: [new URL("https://registry-1.docker.io")] };
  const secure = new URL(`https://${host}`);
  const isPlainAllowed = options.insecure === true || isLoopback(secure.hostname);
  return { name: host.toLowerCase(), bases: isPlainAllowed ? [secure, new URL(`http://${host}`)] : [secure] };
}

/**
 * A mirror by its base URL; a path in it stands before the repository: `https://harbor.test/hub`. The scheme is as said.
 * @throws StrataError `invalid-registry`
 */
export function resolveMirror(text: string): RegistryHost & { readonly prefix: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "") {
    throw invalidRegistry("mirror");
  }
  return { name: url.host, bases: [new URL(url.origin)], prefix: url.pathname.replaceAll(/^\/+|\/+$/g, "") };
}

/** Whether a URL's hostname means this machine: localhost, 127.0.0.0/8, ::1. */
export function isLoopback(hostname: string): boolean {
  if (hostname === "localhost" || hostname.endsWith(".localhost")) return true;
  return hostname === "[::1]" || (isIP(hostname) === 4 && hostname.startsWith("127."));
}

/** The text may be a URL with a password in it: it is not repeated. */
function invalidRegistry(what: string): StrataError {
  const shown = what.includes("@") ? "This" : JSON.stringify(what);
  return new StrataError({
    code: "invalid-registry",
    kind: "invalid-argument",
    message: `${shown} is not the address of a registry`,
    hint: "Write HOST or HOST:PORT; for a mirror http://HOST[:PORT] or https://HOST[:PORT]",
  });
}
