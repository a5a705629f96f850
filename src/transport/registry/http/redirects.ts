import { StrataError } from "../../../base/index.ts";
import type { Exchange } from "./exchange.ts";
import type { RegistryResponse } from "./registry-request.ts";

/** A message, and what goes to its first origin only. */
export interface Outgoing extends Exchange {
  /** `Authorization`, dropped for good as soon as a redirect leads to another origin. */
  readonly authorization?: string | undefined;
  /** Statuses that are answers although they redirect. */
  readonly accept: readonly number[];
}

const MAX_REDIRECTS = 10;
/** For other methods than GET and HEAD only those that say that the method stays. */
const SAME_METHOD: readonly number[] = [307, 308];
const ANY_METHOD: readonly number[] = [301, 302, 303, ...SAME_METHOD];

/**
 * Sends a message and follows where it leads, at most ten times, RFC 9110 15.4. The first origin alone sees the authorization.
 * @throws StrataError `too-many-redirects`, `insecure-redirect` from https to anything else, `registry-protocol`
 */
export async function sendFollowing(
  send: (message: Exchange) => Promise<RegistryResponse>,
  outgoing: Outgoing,
): Promise<RegistryResponse> {
  const { authorization, accept, ...message } = outgoing;
  let { url } = message;
  let isHome = true;
  for (let count = 0; count <= MAX_REDIRECTS; count++) {
    isHome &&= url.origin === message.url.origin;
    const headers = isHome && authorization !== undefined ? { ...message.headers, authorization } : message.headers;
    const context = count === 0 ? message.context : { ...message.context, host: url.host };
    const answer = await send({ ...message, url, headers, context });
    const followed = message.method === "GET" || message.method === "HEAD" ? ANY_METHOD : SAME_METHOD;
    if (accept.includes(answer.status) || !followed.includes(answer.status)) return answer;
    await answer.discard();
    url = targetOf(answer, message);
  }
  throw failure("too-many-redirects", message, `leads through more than ${MAX_REDIRECTS} redirects`);
}

function targetOf(answer: RegistryResponse, message: Exchange): URL {
  const location = answer.headers.get("location");
  if (location === undefined || !URL.canParse(location, answer.url.href)) {
    throw failure("registry-protocol", message, `is redirected (${answer.status}) to nowhere`);
  }
  const url = new URL(location, answer.url);
  assertAsSecure(answer.url, url, message);
  url.username = "";
  url.password = "";
  return url;
}

/**
 * Refuses to go from HTTPS to anything less, and to anything but HTTP and HTTPS.
 * @throws StrataError `insecure-redirect`
 */
export function assertAsSecure(from: URL, to: URL, message: Pick<Exchange, "context">): void {
  if (to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:")) return;
  throw failure("insecure-redirect", message, `leads from ${from.protocol}// to ${to.protocol}//${to.host}`);
}

function failure(code: string, { context }: Pick<Exchange, "context">, problem: string): StrataError {
  const { registry, what } = context;
  const kind = code === "registry-protocol" ? ("malformed" as const) : ("hostile" as const);
  return new StrataError({ code, kind, message: `${what} at registry ${registry} ${problem}`, details: { registry } });
}
