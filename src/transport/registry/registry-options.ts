import { randomFraction, sleep } from "../../base/index.ts";
import { createMemoryCredentials } from "./auth/credential-store.ts";
import type { RegistryHttpOptions } from "./http/registry-http.ts";

/** How large blobs travel. Lengths in bytes. */
export interface TransferOptions {
  /** Downloads of at least this length may be asked for in several ranges at once; 32 MiB unless given. */
  readonly rangesFrom: number;
  /** Bytes a second: a connection that brings more needs no others beside it. 40 MiB unless given. */
  readonly rangesBelow: number;
  /** Length of one range; 4 MiB unless given. */
  readonly rangeBytes: number;
  /** Most ranges of one blob that are under way or wait to be consumed; 4 unless given. */
  readonly ranges: number;
  /**
   * Uploads of at least this length, and longer than a chunk, go in chunks, so that a broken one can go on; 128 MiB
   * unless given.
   */
  readonly chunkedFrom: number;
  /** Length of a chunk, at least what the registry asks for; each upload holds one in memory. 8 MiB unless given. */
  readonly chunkBytes: number;
  /** How often in a row a transfer may break without having got on before it is given up; 5 unless given. */
  readonly attempts: number;
}

/** The defaults of {@link TransferOptions}. */
export const DEFAULT_TRANSFER: TransferOptions = {
  rangesFrom: 32 * 1024 ** 2,
  rangesBelow: 40 * 1024 ** 2,
  rangeBytes: 4 * 1024 ** 2,
  ranges: 4,
  chunkedFrom: 128 * 1024 ** 2,
  chunkBytes: 8 * 1024 ** 2,
  attempts: 5,
};

/** How registries are spoken to. Without credentials nobody is logged in. */
export interface RegistryOptions extends Partial<Omit<RegistryHttpOptions, "insecure">> {
  /** Hosts (with port) that may speak plain HTTP or have certificates that are not valid; `true` for every host. */
  readonly insecureHosts?: readonly string[] | true;
  readonly transfer?: Partial<TransferOptions>;
  /** Told before each pause after which something is tried again: for people who wait. */
  readonly onRetry?: (event: RetryEvent) => void;
}

/** Something failed for the moment. */
export interface RetryEvent {
  /** As in references. */
  readonly registry: string;
  /** Milliseconds until it is tried again. */
  readonly pause: number;
}

/** What remains of the options for one host. */
export function httpOptionsFor(host: string, options: RegistryOptions): RegistryHttpOptions {
  const { insecureHosts = [], transfer: _, onRetry: __, credentials = createMemoryCredentials(), ...rest } = options;
  const insecure = insecureHosts === true || insecureHosts.includes(host);
  return { ...rest, credentials, insecure, sleep: createPause(host, options) };
}

/** Waits, and tells it. */
function createPause(registry: string, { sleep: wait = sleep, onRetry }: RegistryOptions): typeof sleep {
  return async (pause, signal) => {
    onRetry?.({ registry, pause });
    await wait(pause, signal);
  };
}

/** Waits before the attempt after `failures` failures: 0.2 s, doubled each time up to 10 s, half of it by chance. */
export function createBackoff(host: string, options: RegistryOptions) {
  const { random = randomFraction } = options;
  const wait = createPause(host, options);
  return async (failures: number, signal: AbortSignal | undefined): Promise<void> => {
    const longest = Math.min(10_000, 200 * 2 ** Math.max(0, failures - 1));
    await wait(longest * (0.5 + random() / 2), signal);
  };
}
