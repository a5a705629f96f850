import { now as currentTime, StrataError } from "../../../base/index.ts";
import type { Redactor } from "../http/redactor.ts";
import { isLoopback } from "../http/registry-host.ts";
import { createSharedFlights } from "../http/shared-flights.ts";
import { unlessAborted } from "../http/unless-aborted.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { type Credential, type CredentialStore, secretsOf } from "./credential-store.ts";
import { joinScopes, repositoryOf } from "./scopes.ts";
import { basicAuthorization, requestToken, type Token, type TokenRequest, type TokenServer } from "./token-request.ts";

/** What an {@link Authorizer} stands on. */
export interface AuthorizerOptions {
  /** The host under which credentials are kept. */
  readonly host: string;
  readonly credentials: CredentialStore;
  readonly redactor: Redactor;
  /** Speaks to the token server, with retries; its signal is that of whoever still waits. */
  readonly ask: (signal: AbortSignal) => Pick<TokenRequest, "send" | "refuse">;
  readonly now?: (() => number) | undefined;
}

/** Which header is wanted. */
export interface AuthorizationRequest {
  readonly scopes: readonly string[];
  /** The header that was just refused: it is not given again. */
  readonly refused?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Answers the challenges of one registry. */
export interface Authorizer {
  /** Remembers what `url` demanded in `WWW-Authenticate`; gives the scopes that it named. */
  learn(header: string, url: URL): readonly string[];
  /**
   * `Authorization` for a request, undefined when nothing is demanded or nothing is left to offer. Tokens are kept for each
   * set of scopes until shortly before they expire; callers who want the same wait for one request.
   * @throws StrataError what the credentials and the token server give
   */
  header(request: AuthorizationRequest): Promise<string | undefined>;
}

interface KeptToken {
  readonly text: string;
  /** Milliseconds since the epoch; a new one is fetched from then on. */
  readonly until: number;
}

const MAX_MARGIN_MS = 10_000;

/** An authorizer that knows no challenge yet. */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { host, credentials, redactor, ask, now = currentTime } = options;
  const tokens = new Map<string, KeptToken>();
  const flights = createSharedFlights<KeptToken>();
  const credentialFor = rememberCredentials(credentials, host, redactor);
  let demanded: readonly Challenge[] = [];
  let demandedBy: URL | undefined;

  const fetchToken = async (
    request: Omit<TokenRequest, "send" | "refuse">,
    signal: AbortSignal,
  ): Promise<KeptToken> => {
    const token: Token = await requestToken({ ...request, ...ask(signal) });
    redactor.add(token.text);
    const margin = Math.min(MAX_MARGIN_MS, token.seconds * 250);
    return { text: token.text, until: now() + token.seconds * 1000 - margin };
  };
  const bearer = async (challenge: Challenge, request: AuthorizationRequest, credential: Credential | undefined) => {
    if (credential?.kind === "registry-token") return `Bearer ${credential.token}`;
    const server = tokenServer(challenge, demandedBy, host);
    const scopes = joinScopes(request.scopes);
    const key = JSON.stringify([server.realm.href, server.service, scopes, repositoryOf(scopes)]);
    const kept = tokens.get(key);
    if (kept !== undefined && kept.until > now() && `Bearer ${kept.text}` !== request.refused)
      return `Bearer ${kept.text}`;
    tokens.delete(key);
    const start = (signal: AbortSignal) => fetchToken({ server, scopes, credential }, signal);
    const fresh = await flights.join(key, start, request.signal);
    tokens.set(key, fresh);
    return `Bearer ${fresh.text}`;
  };
  return {
    learn: (header, url) => {
      demanded = parseChallenges(header);
      demandedBy = url;
      const scope = demanded.find(({ scheme }) => scheme === "bearer")?.parameters.get("scope");
      return scope === undefined ? [] : scope.split(/\s+/).filter((text) => text !== "");
    },
    header: async (request) => {
      if (demanded.length === 0) return undefined;
      const credential = await unlessAborted(credentialFor(repositoryOf(request.scopes)), request.signal);
      const challenge = demanded.find(({ scheme }) => scheme === "bearer");
      const header =
        challenge === undefined ? basic(demanded, credential) : await bearer(challenge, request, credential);
      return header === request.refused ? undefined : header;
    },
  };
}

function basic(demanded: readonly Challenge[], credential: Credential | undefined): string | undefined {
  if (!demanded.some(({ scheme }) => scheme === "basic") || credential?.kind !== "password") return undefined;
  return basicAuthorization(credential.username, credential.password);
}

/** A helper may take a second, or ask a human: each is asked once. A failure is not remembered. */
function rememberCredentials(store: CredentialStore, host: string, redactor: Redactor) {
  const known = new Map<string | undefined, Promise<Credential | undefined>>();
  return (repository: string | undefined): Promise<Credential | undefined> => {
    const found = known.get(repository) ?? store.get(host, repository);
    known.set(repository, found);
    return found.then(
      (credential) => {
        for (const secret of credential === undefined ? [] : secretsOf(credential)) redactor.add(secret);
        if (credential?.kind === "password") redactor.add(`${credential.username}:${credential.password}`);
        return credential;
      },
      (error: unknown) => {
        known.delete(repository);
        throw error;
      },
    );
  };
}

/** Plain HTTP is answered only where the registry speaks it, too: on its own host, or all on this machine. */
function tokenServer({ parameters }: Challenge, demandedBy: URL | undefined, host: string): TokenServer {
  const text = parameters.get("realm") ?? "";
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  if (realm === undefined || !/^https?:$/.test(realm.protocol)) throw badRealm(host, "is no URL");
  realm.username = "";
  realm.password = "";
  const home = demandedBy?.hostname ?? "";
  const isHome = realm.hostname === home && demandedBy?.protocol === "http:";
  const isLocal = isLoopback(realm.hostname) && isLoopback(home);
  if (realm.protocol === "http:" && !isHome && !isLocal) throw badRealm(host, `is ${realm.host} over plain HTTP`);
  return { realm, service: parameters.get("service") };
}

function badRealm(host: string, problem: string): StrataError {
  return new StrataError({
    code: "insecure-token-server",
    kind: "hostile",
    message: `Registry ${host} demands a token, but the address of its token server ${problem}`,
    details: { registry: host },
  });
}
