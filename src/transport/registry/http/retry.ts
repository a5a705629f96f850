import { now as currentTime, randomFraction, sleep as realSleep, StrataError } from "../../../base/index.ts";
import { PROXY_REFUSED } from "./connection-error.ts";
import type { RegistryResponse } from "./registry-request.ts";

/** How often and how patiently something is tried again. */
export interface RetryPolicy {
  readonly retries: number;
  readonly random: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly now: () => number;
}

const BASE_MS = 200;
const CAP_MS = 10_000;
const MAX_RETRY_AFTER_MS = 120_000;
const DEFAULT_RETRIES = 4;
const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);
const PASSING_FAILURE = new Set(["registry-unreachable", "registry-connection-lost", "registry-timeout"]);

/** Fills in what is not given: 4 retries, the room `base`'s dice and clock. */
export function resolveRetryPolicy(
  given: { readonly [K in keyof RetryPolicy]?: RetryPolicy[K] | undefined },
): RetryPolicy {
  return {
    retries: given.retries ?? DEFAULT_RETRIES,
    random: given.random ?? randomFraction,
    sleep: given.sleep ?? realSleep,
    now: given.now ?? currentTime,
  };
}

/** What is tried. */
export interface Attempts {
  readonly send: () => Promise<RegistryResponse>;
  readonly isRepeatable: boolean;
  /** Statuses that are answers and no reason to try again. */
  readonly accept: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends until the answer is more than a passing failure, or the retries are used up: then the last answer is given, or the
 * last error thrown. Waits with exponential back-off and full jitter from 200 ms up to 10 s, or as long as `Retry-After` says,
 * at most 2 minutes. A timeout was long enough to be had only twice.
 */
export async function sendPatiently(attempts: Attempts, policy: RetryPolicy): Promise<RegistryResponse> {
  const { accept, signal } = attempts;
  let timeouts = 0;
  for (let count = 0; ; count++) {
    const outcome = await attempts.send().catch((error: unknown) => ({ error }));
    if ("error" in outcome && isTimeout(outcome.error)) timeouts++;
    const isLast = !attempts.isRepeatable || count >= policy.retries || timeouts > 1;
    if (isLast || !isPassing(outcome, accept)) {
      if ("error" in outcome) throw outcome.error;
      return outcome;
    }
    const advised = "error" in outcome ? undefined : retryAfter(outcome, policy.now());
    if (!("error" in outcome)) await outcome.discard();
    await policy.sleep(advised ?? policy.random() * Math.min(CAP_MS, BASE_MS * 2 ** count), signal);
  }
}

type Outcome = RegistryResponse | { readonly error: unknown };

function isPassing(outcome: Outcome, accept: readonly number[]): boolean {
  if (!("error" in outcome)) return PASSING_STATUS.has(outcome.status) && !accept.includes(outcome.status);
  return outcome.error instanceof StrataError && PASSING_FAILURE.has(outcome.error.code) && !isFinal(outcome.error);
}

/** A name that does not exist will not exist in a second, and a proxy keeps to its rules. */
function isFinal(error: StrataError): boolean {
  const { reason } = error.details;
  return reason === "ENOTFOUND" || reason === PROXY_REFUSED;
}

function isTimeout(error: unknown): boolean {
  return error instanceof StrataError && error.code === "registry-timeout";
}

/** RFC 9110 10.2.3: seconds or a date; milliseconds from now. */
function retryAfter(answer: RegistryResponse, now: number): number | undefined {
  const text = answer.headers.get("retry-after")?.trim() ?? "";
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}
