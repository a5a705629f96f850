import type { Socket } from "node:net";
import type { buildConnector, Dispatcher } from "undici";
import { StrataError } from "../../../base/index.ts";
import type { TlsMaterial } from "./certificates.ts";
import type { ProxyRoute } from "./proxy-rules.ts";

/** How long to wait, in milliseconds each. */
export interface RegistryTimeouts {
  /** For a connection, its TLS included. 10 s unless given. */
  readonly connect?: number;
  /** From the end of the request to the headers of the answer. 60 s unless given. */
  readonly headers?: number;
  /** Between two pieces of a body. 60 s unless given. */
  readonly body?: number;
}

/** What connections need to know of the world. */
export interface ConnectionOptions {
  readonly timeouts: RegistryTimeouts;
  /** Authorities and client certificates for a host; asked once for each. */
  readonly tlsFor: (host: string) => Promise<TlsMaterial>;
  /** The proxy on the way to a URL. */
  readonly proxyFor: (url: URL) => ProxyRoute | undefined;
  /** Whether a host's certificate need not be valid. */
  readonly isUnverified: (host: string) => boolean;
}

/** Keeps connections alive, one pool for each origin, until it is disposed of: then all are closed at once. */
export class Connections implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  readonly #pools = new Map<string, Promise<Dispatcher>>();
  /** All that are open, and all that are still being made: undici waits for those when it is destroyed. */
  readonly #sockets = new Set<Socket>();
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /**
   * The pool for a URL's origin.
   * @throws StrataError `source-closed` after disposal, `invalid-proxy`, and what reading certificates throws
   */
  async to(url: URL): Promise<Dispatcher> {
    if (this.#isClosed) throw closed(url);
    const known = this.#pools.get(url.origin);
    if (known !== undefined) return known;
    const opening = this.#open(url);
    this.#pools.set(url.origin, opening);
    opening.catch(() => this.#pools.delete(url.origin));
    return opening;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const pools = await Promise.allSettled(this.#pools.values());
    await Promise.all(pools.flatMap((pool) => (pool.status === "fulfilled" ? [pool.value.destroy()] : [])));
    for (const socket of this.#sockets) socket.destroy();
  }

  async #open(url: URL): Promise<Dispatcher> {
    // Loaded for the first connection: it takes as long as a whole listing of an image that lies here.
    const { Agent, buildConnector, Pool, ProxyAgent } = await import("undici");
    const { timeouts, tlsFor, proxyFor, isUnverified } = this.#options;
    const { connect = 10_000, headers: headersTimeout = 60_000, body: bodyTimeout = 60_000 } = timeouts;
    const tls = url.protocol === "https:" ? await tlsFor(url.host) : {};
    const requestTls = { ...tls, timeout: connect, ...(isUnverified(url.host) ? { rejectUnauthorized: false } : {}) };
    const common = { headersTimeout, bodyTimeout };
    const proxy = proxyFor(url);
    if (proxy === undefined) return new Agent({ ...common, connect: this.#watched(buildConnector(requestTls)) });
    const proxyTls = { timeout: connect };
    const token = proxy.authorization === undefined ? {} : { token: proxy.authorization };
    const proxyTunnel = url.protocol === "https:";
    const clientFactory = (origin: URL, options: object) => {
      const { connect: reach } = options as { readonly connect: buildConnector.connector };
      return new Pool(origin, { ...options, connect: this.#watched(reach) });
    };
    const route = { uri: proxy.url.href, requestTls, proxyTls, proxyTunnel, clientFactory };
    return new ProxyAgent({ ...common, ...token, ...route });
  }

  #watched(connect: buildConnector.connector): buildConnector.connector {
    return (options, callback) => {
      // Its type does not say so, but it returns the socket.
      const socket = connect(options, callback) as unknown as Socket | undefined;
      if (socket === undefined) return;
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    };
  }
}

function closed(url: URL): StrataError {
  return new StrataError({
    code: "source-closed",
    kind: "internal",
    message: `Cannot speak to ${url.host}: the connection to the registry was closed`,
  });
}
