import { randomBytes, randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { assertNotAborted } from "./strata-error.ts";

/** Milliseconds since the epoch. For ages and expiry only: nothing that is hashed or written may depend on it. */
export function now(): number {
  return Date.now();
}

/** 16 hex digits that no other process picks: for names of temporary files. */
export function randomName(): string {
  return randomBytes(8).toString("hex");
}

const RANDOM_STEPS = 2 ** 32;

/** A random number, 0 ≤ n < 1: for jitter, so that many who wait do not all come back at once. */
export function randomFraction(): number {
  return randomInt(RANDOM_STEPS) / RANDOM_STEPS;
}

/**
 * Waits `ms` milliseconds, at least 0.
 * @throws StrataError `aborted` as soon as the signal fires, and at once when it has
 */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(Math.max(0, ms), undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    assertNotAborted(signal);
    throw error;
  }
}
