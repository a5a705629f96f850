import { StrataError } from "../../base/index.ts";
import type { RegistryResponse } from "./http/registry-http.ts";
import { type Repository, withSignal } from "./repository.ts";

/** How a list is asked for. */
export interface ListingOptions {
  readonly signal?: AbortSignal | undefined;
  /** Statuses beside 200 that are answers: the list then is undefined. */
  readonly absent: readonly number[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** One page of a list. */
export interface ListingPage {
  readonly bytes: Uint8Array;
  readonly headers: RegistryResponse["headers"];
}

const MAX_PAGES = 10_000;
const MAX_PAGE_BYTES = 8 * 1024 ** 2;

/**
 * The pages of a list, following `Link: <…>; rel="next"` (RFC 8288) within the registry. Nothing where the first page
 * has a status of `absent`.
 * @throws StrataError `registry-endless-list` when a page leads to one that was there before, or after 10,000 pages
 */
export async function* readListing(
  repository: Repository,
  path: string,
  { signal, absent, headers = {} }: ListingOptions,
): AsyncGenerator<ListingPage, void> {
  const { http, scopes } = repository;
  const seen = new Set<string>();
  for (let next: string | undefined = path; next !== undefined; ) {
    if (seen.has(next) || seen.size >= MAX_PAGES) throw endless(repository);
    seen.add(next);
    const accept = seen.size === 1 ? [200, ...absent] : [200];
    const response: RegistryResponse = await http.request({
      method: "GET",
      path: next,
      headers,
      scopes,
      accept,
      ...withSignal(signal),
    });
    if (response.status !== 200) return await response.discard();
    yield { bytes: await response.bytes(MAX_PAGE_BYTES), headers: response.headers };
    next = nextPage(response);
  }
}

/** Where the list goes on; a link to another host is none. */
function nextPage({ headers, url }: RegistryResponse): string | undefined {
  const links = headers.get("link") ?? "";
  const target = /<([^<>]*)>\s*;[^<]*\brel\s*=\s*"?next\b/i.exec(links)?.[1];
  if (target === undefined || !URL.canParse(target, url.href)) return undefined;
  const next = new URL(target, url);
  return next.hostname === url.hostname ? `${next.pathname}${next.search}` : undefined;
}

function endless({ place }: Repository): StrataError {
  return new StrataError({
    code: "registry-endless-list",
    kind: "hostile",
    message: `The registry's list of ${place} has no end`,
  });
}
