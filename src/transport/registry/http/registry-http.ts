import { setMaxListeners } from "node:events";
import type { CredentialStore } from "../auth/credential-store.ts";
import { readTlsMaterial } from "./certificates.ts";
import { Connections, type RegistryTimeouts } from "./connections.ts";
import { createEndpoint, type EndpointTools } from "./endpoint.ts";
import { type Mirror, readThroughMirrors } from "./mirrors.ts";
import { proxyFor } from "./proxy-rules.ts";
import { createRedactor } from "./redactor.ts";
import { type RegistryHost, resolveMirror, resolveRegistryHost } from "./registry-host.ts";
import type { RegistryRequest, RegistryResponse } from "./registry-request.ts";
import { resolveRetryPolicy } from "./retry.ts";

export type { RegistryTimeouts } from "./connections.ts";
export type { RegistryMethod, RegistryRequest, RegistryResponse } from "./registry-request.ts";

/** How a registry is spoken to. The environment and the home directory are the caller's to read. */
export interface RegistryHttpOptions {
  /** Where logins come from; asked only when the registry asks. */
  readonly credentials: CredentialStore;
  /** Roots of the certs.d layout, searched in order: `/etc/docker/certs.d`, `~/.docker/certs.d`, `/etc/containers/certs.d`. */
  readonly certificates?: readonly string[];
  /** Allows certificates that are not valid, and plain HTTP where HTTPS is not spoken. Default: false. */
  readonly insecure?: boolean;
  /** For `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` in both cases, and `NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** For each registry, base URLs that are asked first for reads, in order: `{"docker.io": ["http://127.0.0.1:5001"]}`. */
  readonly mirrors?: Readonly<Record<string, readonly string[]>>;
  /** Default: `strata`. */
  readonly userAgent?: string;
  readonly timeouts?: RegistryTimeouts;
  /** How often a repeatable request is repeated after a failure. Default: 4. */
  readonly retries?: number;
  /** 0 ≤ n < 1, for the jitter of waiting; from room `base` unless given. */
  readonly random?: () => number;
  /** Waits for some milliseconds; from room `base` unless given. */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Milliseconds since the epoch, for the age of tokens; from room `base` unless given. */
  readonly now?: () => number;
}

/** A registry that can be asked. Disposing closes its connections; what is under way fails. */
export interface RegistryHttp extends AsyncDisposable {
  /** As in references: `docker.io`, `localhost:5000`. */
  readonly host: string;
  /**
   * Sends a request: finds the scheme, answers challenges, follows redirects, waits and repeats.
   * The answer has a status that `accept` lists.
   * @throws StrataError `registry-unauthorized`, `registry-denied`, `registry-not-found`, `registry-refused`,
   * `registry-unsupported`, `rate-limited`, `registry-failed`, `registry-unreachable`, `registry-timeout`, `registry-tls`,
   * `registry-connection-lost`, `registry-protocol`, `too-many-redirects`, `insecure-redirect`, `aborted` …
   */
  request(request: RegistryRequest): Promise<RegistryResponse>;
  /** Whether somebody speaks the API there: `GET /v2/`; being asked for a login counts as yes. Throws as `request`. */
  ping(signal?: AbortSignal): Promise<void>;
}

/**
 * Opens a registry by the host of a reference. Nothing is sent before the first request.
 * @throws StrataError `invalid-registry`
 */
export function openRegistryHttp(host: string, options: RegistryHttpOptions): RegistryHttp {
  const { insecure = false, mirrors = {} } = options;
  const place = resolveRegistryHost(host, { insecure });
  const connections = openConnections(place, options);
  const tools: EndpointTools = {
    connections,
    credentials: options.credentials,
    redactor: createRedactor(),
    userAgent: options.userAgent ?? DEFAULT_USER_AGENT,
    policy: resolveRetryPolicy(options),
  };
  const origin = createEndpoint(place, tools);
  const hasty = { ...tools, policy: { ...tools.policy, retries: 0 } };
  const others = (mirrors[place.name] ?? []).map((text): Mirror => {
    const mirror = resolveMirror(text);
    return { endpoint: createEndpoint(mirror, hasty), prefix: mirror.prefix };
  });
  const ask = others.length === 0 ? origin.request.bind(origin) : readThroughMirrors(others, origin);
  return {
    host: place.name,
    request: (request) => {
      admitMany(request.signal);
      return ask(request);
    },
    ping: (signal) => {
      admitMany(signal);
      return origin.ping(signal);
    },
    [Symbol.asyncDispose]: () => connections[Symbol.asyncDispose](),
  };
}

const DEFAULT_USER_AGENT = "strata";

/** One signal for many requests is how it is meant: Node would warn of a leak at the eleventh. */
function admitMany(signal: AbortSignal | undefined): void {
  if (signal !== undefined) setMaxListeners(0, signal);
}

/** A registry's authorities speak for its token server and its storage, too; its client certificate is for itself. */
function openConnections(place: RegistryHost, options: RegistryHttpOptions): Connections {
  const { environment = {}, certificates: roots = [], timeouts = {}, insecure = false } = options;
  const own = new Set([place.name, ...place.bases.map((base) => base.host)]);
  const places = { roots, environment };
  return new Connections({
    timeouts,
    proxyFor: (url) => proxyFor(url, environment),
    isUnverified: (host) => insecure && own.has(host),
    tlsFor: async (host) => {
      const material = await readTlsMaterial(place.name, places);
      if (own.has(host)) return material;
      const other = await readTlsMaterial(host, places);
      const ca = [...new Set([...(material.ca ?? []), ...(other.ca ?? [])])];
      return { ...other, ...(ca.length === 0 ? {} : { ca }) };
    },
  });
}
