import type { StrataError } from "../../base/index.ts";
import type { Repository } from "./repository.ts";

/** A server that breaks off but always gets a bit further is not waited for without end. */
const MAX_FAILURES = 100;
/** A timeout was long enough to be had only twice. */
const MAX_TIMEOUTS = 2;

/** What happened when a transfer broke. */
export interface Setback {
  readonly failure: StrataError;
  /** Whether the transfer got on since the last one. */
  readonly hasProgressed: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Counts the failures of one transfer: waits before another attempt, longer after each one without progress, or throws the
 * failure when there were `transfer.attempts` in a row.
 */
export function createPatience({ transfer, backoff }: Repository): (setback: Setback) => Promise<void> {
  let idle = 0;
  let timeouts = 0;
  let failures = 0;
  return async ({ failure, hasProgressed, signal }) => {
    idle = hasProgressed ? 1 : idle + 1;
    const isTimeout = failure.code === "registry-timeout";
    timeouts = (hasProgressed ? 0 : timeouts) + (isTimeout ? 1 : 0);
    failures++;
    if (failures > MAX_FAILURES || idle >= transfer.attempts || timeouts >= MAX_TIMEOUTS) throw failure;
    await backoff(idle, signal);
  };
}
