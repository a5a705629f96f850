import { randomBytes } from "node:crypto";
import type { Answer, ReceivedRequest } from "./registry-server-fault.ts";

/** Who may enter. */
export interface Account {
  readonly username: string;
  readonly password: string;
}

/** How the token server behaves, distribution-spec token authentication. */
export interface TokenOptions extends Partial<Account> {
  /** Accepted as `refresh_token`, in place of a password. */
  readonly identityToken?: string;
  /** Whether who has no account may pull. Default: true when no account is given. */
  readonly anonymousPull?: boolean;
  /** Seconds; undefined: not said, and 60. */
  readonly expiresIn?: number;
  /** The field that carries the token. Default: `token`. */
  readonly field?: "token" | "access_token";
  /** What POST to the token server gives, where it is not served: 404 or 405. */
  readonly postStatus?: number;
  /** What GET gives, where it is not served. */
  readonly getStatus?: number;
  /** The realm as the challenge names it, where it is not this server's `/token`. */
  readonly realm?: string;
  /** The whole `WWW-Authenticate`, given the realm and the scope. */
  readonly challenge?: (realm: string, scope: string | undefined) => string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

interface IssuedToken {
  readonly scopes: ReadonlySet<string>;
  readonly expires: number;
}

/** Decides who may do what; {@link TokenGate.check} gives the refusal, or nothing. */
export interface TokenGate {
  check(request: ReceivedRequest, origin: string): Answer | undefined;
  serve(request: ReceivedRequest): Answer;
  /** All tokens become worthless, as when the server forgets its key. */
  revoke(): void;
}

const REALM_SERVICE = "registry of a test";

/** Refuses whoever does not send the account by HTTP Basic. */
export function checkBasic(request: ReceivedRequest, account: Account): Answer | undefined {
  const expected = `Basic ${Buffer.from(`${account.username}:${account.password}`).toString("base64")}`;
  return request.headers["authorization"] === expected ? undefined : refuse(401, 'Basic realm="test"');
}

/** A token server with opaque tokens. */
export function createTokenGate(options: TokenOptions): TokenGate {
  const issued = new Map<string, IssuedToken>();
  const { now = Date.now } = options;
  const isGood = (token: string | undefined, scope: string | undefined): boolean => {
    const found = token === undefined ? undefined : issued.get(token);
    return found !== undefined && found.expires > now() && (scope === undefined || covers(found.scopes, scope));
  };
  return {
    check: (request, origin) => {
      const scope = neededScope(request);
      const token = /^Bearer (.+)$/.exec(request.headers["authorization"] ?? "")?.[1];
      if (isGood(token, scope)) return undefined;
      return refuse(401, challengeOf(options, options.realm ?? `${origin}/token`, scope));
    },
    serve: (request) => {
      const { expiresIn, field = "token", postStatus, getStatus } = options;
      if (request.method === "POST" && postStatus !== undefined) return json(postStatus, {});
      if (request.method === "GET" && getStatus !== undefined) return json(getStatus, {});
      const asked = request.method === "POST" ? new URLSearchParams(request.body.toString()) : request.query;
      const role = roleOf(request, asked, options);
      if (role === undefined)
        return json(401, { errors: [{ code: "UNAUTHORIZED", message: "incorrect username or password" }] });
      const scopes = asked.getAll("scope").flatMap((scope) => scope.split(" "));
      const granted = scopes.map((scope) => (role === "user" ? scope : scope.replace(/:[^:]*$/, ":pull")));
      const token = randomBytes(12).toString("hex");
      issued.set(token, { scopes: new Set(granted), expires: now() + (expiresIn ?? 60) * 1000 });
      return json(200, { [field]: token, ...(expiresIn === undefined ? {} : { expires_in: expiresIn }) });
    },
    revoke: () => issued.clear(),
  };
}

function challengeOf(options: TokenOptions, realm: string, scope: string | undefined): string {
  if (options.challenge !== undefined) return options.challenge(realm, scope);
  return `Bearer realm="${realm}",service="${REALM_SERVICE}"${scope === undefined ? "" : `,scope="${scope}"`}`;
}

function roleOf(request: ReceivedRequest, asked: URLSearchParams, options: TokenOptions): "user" | "guest" | undefined {
  const { username, password, identityToken, anonymousPull = username === undefined } = options;
  if (request.method === "POST") {
    const isRefreshed = asked.get("grant_type") === "refresh_token" && asked.get("refresh_token") === identityToken;
    const isLogin = asked.get("grant_type") === "password" && asked.get("username") === username;
    return isRefreshed || (isLogin && asked.get("password") === password) ? "user" : undefined;
  }
  const authorization = request.headers["authorization"];
  if (authorization === undefined) return anonymousPull ? "guest" : undefined;
  const secret = password ?? identityToken;
  const names = [username, "<token>"].map((name) => `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`);
  return names.includes(authorization) ? "user" : undefined;
}

function neededScope({ method, path }: ReceivedRequest): string | undefined {
  const name = /^\/v2\/(.+?)\/(?:blobs|manifests|tags|referrers)\//.exec(path)?.[1];
  if (name === undefined) return undefined;
  if (method === "DELETE") return `repository:${name}:delete`;
  return `repository:${name}:${method === "GET" || method === "HEAD" ? "pull" : "push"}`;
}

function covers(scopes: ReadonlySet<string>, needed: string): boolean {
  const cut = needed.lastIndexOf(":");
  return [...scopes].some((scope) => {
    const actions = scope.slice(scope.lastIndexOf(":") + 1).split(",");
    return scope.slice(0, scope.lastIndexOf(":")) === needed.slice(0, cut) && actions.includes(needed.slice(cut + 1));
  });
}

function refuse(status: number, challenge: string): Answer {
  const refusal = json(status, { errors: [{ code: "UNAUTHORIZED", message: "authentication required" }] });
  return { ...refusal, headers: { ...refusal.headers, "www-authenticate": challenge } };
}

/** An answer that is a JSON document. */
export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = Buffer.from(JSON.stringify(value));
  return {
    status,
    headers: { "content-type": "application/json", "content-length": `${body.length}`, ...headers },
    body,
  };
}
