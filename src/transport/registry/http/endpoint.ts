import { type Authorizer, createAuthorizer } from "../auth/authorizer.ts";
import type { CredentialStore } from "../auth/credential-store.ts";
import { answersPlainly } from "./answers-plainly.ts";
import { type ExchangeContext, mayBePlain } from "./connection-error.ts";
import type { Connections } from "./connections.ts";
import { type Exchange, exchange } from "./exchange.ts";
import type { Redactor } from "./redactor.ts";
import { assertAsSecure, type Outgoing, sendFollowing } from "./redirects.ts";
import { isLoopback, type RegistryHost } from "./registry-host.ts";
import type { RegistryRequest, RegistryResponse } from "./registry-request.ts";
import { type RetryPolicy, sendPatiently } from "./retry.ts";
import { createSharedFlights } from "./shared-flights.ts";
import { statusError } from "./status-error.ts";

/** What all endpoints of a client share. */
export interface EndpointTools {
  readonly connections: Connections;
  readonly credentials: CredentialStore;
  readonly redactor: Redactor;
  readonly userAgent: string;
  readonly policy: RetryPolicy;
}

/** One registry at one place: the one that was asked for, or a mirror of it. */
export interface Endpoint {
  /** As `RegistryHttp.request`. */
  request(request: RegistryRequest): Promise<RegistryResponse>;
  /** As `RegistryHttp.ping`. */
  ping(signal?: AbortSignal): Promise<void>;
}

/** Each 401 may name another scope, but who is still refused after this many new headers is refused. */
const MAX_CHALLENGES = 2;
const LONGEST_PATH = 200;

/** An endpoint that has not been spoken to yet. */
export function createEndpoint(place: RegistryHost, tools: EndpointTools): Endpoint {
  return new ScoutedEndpoint(place, tools);
}

class ScoutedEndpoint implements Endpoint {
  readonly #place: RegistryHost;
  readonly #tools: EndpointTools;
  readonly #authorizer: Authorizer;
  readonly #scouting = createSharedFlights<URL>();
  /** The base URL that answered. */
  #base: URL | undefined;

  constructor(place: RegistryHost, tools: EndpointTools) {
    this.#place = place;
    this.#tools = tools;
    const { credentials, redactor, policy } = tools;
    const ask = (signal: AbortSignal) => this.#askRealm(signal);
    this.#authorizer = createAuthorizer({ host: place.name, credentials, redactor, ask, now: policy.now });
  }

  async request(request: RegistryRequest): Promise<RegistryResponse> {
    const base = await this.#baseFor(request);
    const url = new URL(request.path, base);
    const context = this.#contextOf(request.method, url, request.signal);
    if (url.origin !== base.origin) assertAsSecure(base, url, { context });
    const answer = await this.#authorized(request, base, { url, context });
    if (request.accept.includes(answer.status)) return answer;
    throw await statusError(answer, { ...context, host: this.#hostOf(answer.url) }, this.#tools.redactor);
  }

  async ping(signal?: AbortSignal): Promise<void> {
    this.#base = undefined;
    await this.#scouting.join("", (shared) => this.#scout(shared, [200, 401]), signal);
  }

  /** Where plain HTTP may be spoken, and before a body is sent that a question for a token would waste: looks first. */
  async #baseFor(request: RegistryRequest): Promise<URL> {
    if (this.#base !== undefined) return this.#base;
    const [only, ...others] = this.#place.bases;
    if (only !== undefined && others.length === 0 && request.body === undefined) return only;
    return this.#scouting.join("", (shared) => this.#scout(shared), request.signal);
  }

  /** Finds the base URL that answers, and learns what it demands. */
  async #scout(signal: AbortSignal, accept?: readonly number[]): Promise<URL> {
    let failure: unknown;
    for (const base of await this.#basesToTry(signal)) {
      try {
        const answer = await this.#lookAt(base, signal);
        // Servers that want TLS say so when they are spoken to without: what went wrong before was no lack of it.
        if (failure !== undefined && answer.status === 400) {
          await answer.discard();
          throw failure;
        }
        this.#learn(answer, base);
        await this.#assertAccepted(answer, base, accept);
        this.#base = base;
        return base;
      } catch (error) {
        failure = error;
        if (!mayBePlain(error)) throw error;
      }
    }
    throw failure;
  }

  /** A server of this machine that says by itself that it speaks plain HTTP need not be tried with HTTPS. */
  async #basesToTry(signal: AbortSignal): Promise<readonly URL[]> {
    const { bases } = this.#place;
    const [secure, plain] = bases;
    // Without a port the two are different servers.
    if (secure === undefined || plain === undefined || secure.port === "" || !isLoopback(secure.hostname)) return bases;
    return (await answersPlainly(secure, signal)) ? [plain] : bases;
  }

  async #lookAt(base: URL, signal: AbortSignal): Promise<RegistryResponse> {
    const url = new URL("/v2/", base);
    const context = this.#contextOf("GET", url, signal);
    const isLast = base === this.#place.bases.at(-1);
    return this.#patiently({ method: "GET", url, headers: {}, accept: [], context }, isLast);
  }

  async #assertAccepted(answer: RegistryResponse, base: URL, accept: readonly number[] | undefined): Promise<void> {
    if (accept === undefined || accept.includes(answer.status)) return answer.discard();
    throw await statusError(answer, this.#contextOf("GET", new URL("/v2/", base), undefined), this.#tools.redactor);
  }

  async #authorized(
    request: RegistryRequest,
    base: URL,
    target: { readonly url: URL; readonly context: ExchangeContext },
  ): Promise<RegistryResponse> {
    const { method, body, accept, signal, isRepeatable = method === "GET" || method === "HEAD" } = request;
    const isHome = target.url.origin === base.origin;
    const headers = { ...request.headers, ...lengthHeader(request) };
    let { scopes } = request;
    let authorization = isHome ? await this.#authorizer.header({ scopes, signal }) : undefined;
    for (let count = 0; ; count++) {
      const outgoing = { ...target, method, headers, body, accept, authorization };
      const answer = await this.#patiently(outgoing, isRepeatable);
      const isAsked = answer.status === 401 && !accept.includes(401) && isHome && answer.url.origin === base.origin;
      if (!isAsked || count === MAX_CHALLENGES) return answer;
      scopes = [...scopes, ...this.#learn(answer, base)];
      const next = await this.#authorizer.header({ scopes, signal, refused: authorization });
      if (next === undefined) return answer;
      await answer.discard();
      authorization = next;
    }
  }

  #learn(answer: RegistryResponse, base: URL): readonly string[] {
    const header = answer.headers.get("www-authenticate");
    if (answer.status !== 401 || header === undefined || answer.url.origin !== base.origin) return [];
    return this.#authorizer.learn(header, base);
  }

  #askRealm(signal: AbortSignal) {
    const { redactor } = this.#tools;
    const contextOf = (method: string, url: URL) => ({ ...this.#contextOf(method, url, signal), host: url.host });
    return {
      send: (message: Pick<Exchange, "method" | "url" | "headers" | "body">) => {
        const { authorization, ...headers } = message.headers;
        const context = contextOf(message.method, message.url);
        // A body with a password in it goes nowhere but to the realm.
        const accept = message.method === "POST" ? [307, 308] : [];
        return this.#patiently({ ...message, headers, authorization, accept, context }, true);
      },
      refuse: (answer: RegistryResponse, what: string) =>
        statusError(answer, { ...contextOf("GET", answer.url), what: `the request for a ${what}` }, redactor),
    };
  }

  #patiently(outgoing: Outgoing, isRepeatable: boolean): Promise<RegistryResponse> {
    const { connections, userAgent, policy } = this.#tools;
    const headers = { "user-agent": userAgent, "accept-encoding": "identity", ...outgoing.headers };
    const sendOne = async (message: Exchange) => exchange(await connections.to(message.url), message);
    const send = () => sendFollowing(sendOne, { ...outgoing, headers });
    return sendPatiently({ send, isRepeatable, accept: outgoing.accept, signal: outgoing.context.signal }, policy);
  }

  #contextOf(method: string, url: URL, signal: AbortSignal | undefined): ExchangeContext {
    const path = url.pathname.length > LONGEST_PATH ? `${url.pathname.slice(0, LONGEST_PATH)}…` : url.pathname;
    return { registry: this.#place.name, host: this.#hostOf(url), what: `${method} ${path}`, signal };
  }

  /** The registry's own name for its own hosts. */
  #hostOf(url: URL): string {
    return this.#place.bases.some(({ host }) => host === url.host) ? this.#place.name : url.host;
  }
}

function lengthHeader({ body, contentLength }: RegistryRequest): Record<string, string> {
  return typeof body === "function" && contentLength !== undefined ? { "content-length": `${contentLength}` } : {};
}
