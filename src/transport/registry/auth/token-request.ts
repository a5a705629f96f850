import { StrataError } from "../../../base/index.ts";
import { parseJson } from "../../../oci/index.ts";
import type { RegistryMethod, RegistryResponse } from "../http/registry-request.ts";
import type { Credential } from "./credential-store.ts";

/** A token server as a challenge names it. */
export interface TokenServer {
  readonly realm: URL;
  readonly service: string | undefined;
}

/** A bearer token and for how long, in seconds, it is good. */
export interface Token {
  readonly text: string;
  readonly seconds: number;
}

/** A message to the token server; its answer may have any status. */
export type SendToRealm = (message: {
  readonly method: RegistryMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}) => Promise<RegistryResponse>;

/** What a token is asked for, and how. */
export interface TokenRequest {
  readonly server: TokenServer;
  readonly scopes: readonly string[];
  readonly credential: Credential | undefined;
  readonly send: SendToRealm;
  /** Makes the error for an answer that is none. */
  readonly refuse: (answer: RegistryResponse, what: string) => Promise<StrataError>;
}

/** Docker's rule for servers that do not say. */
const DEFAULT_SECONDS = 60;
const MAX_ANSWER = 1024 * 1024;
const CLIENT_ID = "strata";
const NOT_SERVED: readonly number[] = [404, 405];

/**
 * Asks for a token: by OAuth2 where there is an identity token, else by GET with the password or nobody's; the other way
 * where that is not served. Distribution spec/auth/token.md, oauth.md.
 * @throws StrataError what `refuse` makes; `invalid-token` when the answer is not one
 */
export async function requestToken(request: TokenRequest): Promise<Token> {
  const { credential, refuse } = request;
  const first = credential?.kind === "identity-token" ? byPost : byGet;
  let answer = await first(request);
  if (NOT_SERVED.includes(answer.status) && credential !== undefined) {
    await answer.discard();
    answer = await (first === byPost ? byGet : byPost)(request);
  }
  if (answer.status !== 200) throw await refuse(answer, "token");
  return parseToken(await answer.bytes(MAX_ANSWER), request.server.realm.host);
}

/** The value of `Authorization` for HTTP Basic. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function byGet({ server, scopes, credential, send }: TokenRequest): Promise<RegistryResponse> {
  const url = new URL(server.realm);
  if (server.service !== undefined) url.searchParams.set("service", server.service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (credential?.kind === "password") url.searchParams.set("account", credential.username);
  return send({ method: "GET", url, headers: credential === undefined ? {} : authorizationOf(credential) });
}

function byPost({ server, scopes, credential, send }: TokenRequest): Promise<RegistryResponse> {
  const form = new URLSearchParams(grantOf(credential));
  if (server.service !== undefined) form.set("service", server.service);
  if (scopes.length > 0) form.set("scope", scopes.join(" "));
  form.set("client_id", CLIENT_ID);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return send({ method: "POST", url: new URL(server.realm), headers, body: Buffer.from(form.toString()) });
}

function authorizationOf(credential: Credential): Record<string, string> {
  if (credential.kind === "registry-token") return {};
  if (credential.kind === "password") {
    return { authorization: basicAuthorization(credential.username, credential.password) };
  }
  return { authorization: basicAuthorization(credential.username ?? "<token>", credential.token) };
}

function grantOf(credential: Credential | undefined): Record<string, string> {
  if (credential?.kind === "identity-token") return { grant_type: "refresh_token", refresh_token: credential.token };
  if (credential?.kind !== "password") return {};
  return { grant_type: "password", username: credential.username, password: credential.password };
}

function parseToken(bytes: Uint8Array, host: string): Token {
  const what = `token of ${host}`;
  const { token, access_token: other, expires_in: seconds } = fieldsOf(bytes, what);
  const text = typeof token === "string" && token !== "" ? token : other;
  // A header can hold these characters only; anything else is no token, or a second header.
  if (typeof text !== "string" || !/^[\x21-\x7e]+$/.test(text)) throw invalidToken(what);
  const isSaid = typeof seconds === "number" && Number.isFinite(seconds) && seconds > 0;
  return { text, seconds: isSaid ? seconds : DEFAULT_SECONDS };
}

/** Never says what stood there: it may be a token all the same. */
function fieldsOf(bytes: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseJson(bytes, { what });
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null) throw invalidToken(what);
  return value as Readonly<Record<string, unknown>>;
}

function invalidToken(what: string): StrataError {
  return new StrataError({ code: "invalid-token", kind: "malformed", message: `The ${what} is not one` });
}
