import { StrataError } from "../../../base/index.ts";

/** What was being done when a connection failed. */
export interface ExchangeContext {
  /** The registry as the user wrote it. */
  readonly registry: string;
  /** Method and path without query: `GET /v2/library/nginx/manifests/latest`. */
  readonly what: string;
  /** The host that was spoken to, where it is not the registry: a token server, or where a redirect led. */
  readonly host: string;
  readonly signal?: AbortSignal | undefined;
}

type Failure = "timeout" | "tls" | "unreachable" | "protocol" | "lost";

/** Not the system's: undici says it in words alone. */
export const PROXY_REFUSED = "PROXY_REFUSED";

const CODES: Readonly<Record<string, Failure>> = {
  UND_ERR_CONNECT_TIMEOUT: "timeout",
  UND_ERR_HEADERS_TIMEOUT: "timeout",
  UND_ERR_BODY_TIMEOUT: "timeout",
  ETIMEDOUT: "timeout",
  ENOTFOUND: "unreachable",
  EAI_AGAIN: "unreachable",
  ECONNREFUSED: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  [PROXY_REFUSED]: "unreachable",
  EPROTO: "tls",
  UND_ERR_PRX_TLS: "tls",
  UND_ERR_HEADERS_OVERFLOW: "protocol",
};
const TLS_CODE =
  /^(?:ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_CA|HOSTNAME_MISMATCH)/;
/** The peer spoke TLS, but is not who it should be; anything else may be a peer that does not speak TLS at all. */
const DISTRUST = /^(?:ERR_TLS_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_CA|HOSTNAME_MISMATCH)/;

/**
 * Turns what a connection threw into a StrataError: `aborted`, `registry-timeout`, `registry-tls`, `registry-unreachable`,
 * `registry-protocol` or `registry-connection-lost`. A StrataError stays as it is. The cause keeps code and message alone.
 */
export function connectionError(error: unknown, context: ExchangeContext): StrataError {
  if (error instanceof StrataError) return error;
  const { registry, what, host, signal } = context;
  if (signal?.aborted === true) {
    return new StrataError({
      code: "aborted",
      kind: "aborted",
      message: `${what} was interrupted`,
      cause: slim(error),
    });
  }
  const code = codeOf(error);
  const where = host === registry ? `registry ${registry}` : `${host}, for registry ${registry}`;
  const base = { message: `Cannot ${what} at ${where}: ${reasonOf(error)}`, details: { registry, host, reason: code } };
  return new StrataError({ ...base, ...outcome(failureOf(code), code, host), cause: slim(error) });
}

/** Whether the peer at the other end may be one that speaks plain HTTP where TLS was tried. */
export function mayBePlain(error: unknown): boolean {
  if (!(error instanceof StrataError) || error.kind === "aborted" || error.code === "registry-timeout") return false;
  const reason = error.details["reason"];
  return typeof reason === "string" && !DISTRUST.test(reason);
}

function failureOf(code: string): Failure {
  const known = CODES[code];
  if (known !== undefined) return known;
  if (TLS_CODE.test(code)) return "tls";
  return code.startsWith("HPE_") ? "protocol" : "lost";
}

function outcome(failure: Failure, code: string, host: string) {
  const unavailable = { kind: "unavailable" as const };
  switch (failure) {
    case "timeout":
      return { ...unavailable, code: "registry-timeout", hint: "Try again; or look whether a proxy is in the way" };
    case "tls":
      return { kind: "failed-precondition" as const, code: "registry-tls", hint: tlsHint(code, host) };
    case "unreachable":
      return {
        ...unavailable,
        code: "registry-unreachable",
        hint: "Check its name and port, the network and the proxy",
      };
    case "protocol":
      return { kind: "malformed" as const, code: "registry-protocol", hint: "Is this the address of a registry?" };
    case "lost":
      return { ...unavailable, code: "registry-connection-lost", hint: "Try again" };
  }
}

function tlsHint(code: string, host: string): string {
  if (!DISTRUST.test(code)) return "If it speaks plain HTTP, say that it is insecure";
  if (code.includes("ALTNAME") || code.includes("HOSTNAME")) return "Its certificate is for another name";
  if (code.includes("EXPIRED")) return "Its certificate has expired";
  return `Put the certificate of its authority at /etc/docker/certs.d/${host}/ca.crt`;
}

/** Node names the system's code; where several addresses were tried, the first one's. */
function codeOf(error: unknown): string {
  const { code, name, message, errors, cause } = error as Error & { code?: unknown; errors?: readonly unknown[] };
  if (/^Proxy response \(\d+\)/.test(message)) return PROXY_REFUSED;
  if (typeof code === "string" && code !== "") return code;
  if (name === "HTTPParserError") return "HPE_UNKNOWN";
  if (errors?.[0] !== undefined) return codeOf(errors[0]);
  return cause === undefined ? "" : codeOf(cause);
}

function reasonOf(error: unknown): string {
  const { message, errors } = error as { message?: unknown; errors?: readonly unknown[] };
  if (typeof message === "string" && message !== "") return message.split("\n")[0]?.slice(0, 200) ?? "";
  return errors?.[0] === undefined ? "the connection failed" : reasonOf(errors[0]);
}

/** Errors of the platform carry whole sockets and certificates. */
function slim(error: unknown): Error {
  return Object.assign(new Error(reasonOf(error)), { code: codeOf(error) });
}
