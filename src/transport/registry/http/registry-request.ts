/** The methods of the distribution API. */
export type RegistryMethod = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One request to a registry. */
export interface RegistryRequest {
  readonly method: RegistryMethod;
  /**
   * Path and query below the registry's origin, e.g. `/v2/library/nginx/manifests/latest`; or an absolute URL that the
   * registry gave (`Location`, `Link`). Authorization goes to the registry's own origin only.
   */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as is. A function is called again for each attempt, because the first may end in a question for a token. */
  readonly body?: Uint8Array | (() => AsyncIterable<Uint8Array>);
  /** Bytes of the body, where it is a function and the length is known. */
  readonly contentLength?: number;
  /** Scopes for the token, distribution-spec token scope: `repository:library/nginx:pull`. */
  readonly scopes: readonly string[];
  /** Status codes that are answers, not failures; others become StrataErrors. A 3xx among them is not followed. */
  readonly accept: readonly number[];
  /**
   * Whether it may be sent again after a connection failure, 408, 425, 429 and 5xx. Default: true for GET and HEAD.
   * Being asked for a token is no failure: every request is repeated after that.
   */
  readonly isRepeatable?: boolean;
  /** Ends the request, or the reading of its body, with `aborted`; its socket is closed. */
  readonly signal?: AbortSignal;
}

/** The headers of an answer. */
export interface ResponseHeaders {
  /** A header's value, its name in any case; several values are joined with `, `. */
  get(name: string): string | undefined;
}

/** An answer whose body waits to be read, once, by exactly one of `body`, `bytes` and `discard`. */
export interface RegistryResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** Where the answer came from, after redirects. Its query may be a signature: never print it. */
  readonly url: URL;
  /**
   * The bytes as they arrive, never decoded. Leaving the loop early closes the connection.
   * @throws StrataError `registry-timeout`, `registry-connection-lost` or `aborted` while reading
   */
  readonly body: AsyncIterable<Uint8Array>;
  /**
   * The whole body, at most `maxBytes` long.
   * @throws StrataError `document-too-large`, and what `body` throws
   */
  bytes(maxBytes: number): Promise<Uint8Array>;
  /** Gives the connection back, or closes it where that needs much reading. Never throws. */
  discard(): Promise<void>;
}
