import { sleep } from "../../base/index.ts";

/** Smaller blobs are through before others have begun. */
const WORTH_BYTES = 32 * 1024 ** 2;
const INTERVAL_MS = 250;
/** What a fast transfer brings in that time. Others beside it would only take from it. */
const FAST_BYTES = 8 * 1024 ** 2;

/** The way of the first blob while all others wait. */
export interface HeadStart {
  /** Resolves when the others may begin; never rejects. */
  readonly over: Promise<void>;
  /** To be told the bytes that have come. */
  readonly onProgress: (bytes: number) => void;
  /** To be called when the blob is through, well or not. */
  readonly end: () => void;
}

/**
 * A head start for a blob of that size, in bytes: over when the blob is through, or as soon as it is not fast for a moment.
 * None for a small one.
 */
export function createHeadStart(size: number): HeadStart {
  let bytes = 0;
  const ended = new AbortController();
  if (size < WORTH_BYTES) ended.abort();
  return {
    over: whileFast(() => bytes, ended.signal),
    onProgress: (count) => {
      bytes = count;
    },
    end: () => ended.abort(),
  };
}

async function whileFast(bytes: () => number, ended: AbortSignal): Promise<void> {
  for (let before = 0; !ended.aborted; before = bytes()) {
    await sleep(INTERVAL_MS, ended).catch(() => {});
    if (bytes() - before < FAST_BYTES) return;
  }
}
