import { StrataError } from "../base/index.ts";
import type { LocatedSource } from "./file-location.ts";

/** Default bound for everything that is spooled at one time: 16 GiB. */
export const DEFAULT_SCRATCH_BYTES = 16 * 1024 ** 3;

/** Being written: bytes only go to the end. */
export interface ScratchFile extends AsyncDisposable {
  /**
   * Appends. One call at a time; the chunk may be reused after it resolves.
   * @throws StrataError `scratch-full` (hostile) when the bound is passed, `no-space` (unavailable)
   */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends the writing, once. The source belongs to the caller; disposing it frees the bytes. */
  finish(): Promise<LocatedSource>;
}

/**
 * Room for bytes that must be readable at random but came as a stream: standard input, a compressed archive.
 *
 * Lifecycle: `create` → any number of `write` → `finish` → read → dispose. A file that is disposed before `finish` is
 * gone. Disposing the scratch frees whatever is left, sources that are still open too. Nothing survives the process, and
 * other programs see at most an empty directory entry for a moment.
 */
export interface Scratch extends AsyncDisposable {
  create(): Promise<ScratchFile>;
}

/** The error for bytes beyond the bound. */
export function scratchFull(maxBytes: number): StrataError {
  return new StrataError({
    code: "scratch-full",
    kind: "hostile",
    message: `The unpacked stream needs more than the ${maxBytes} bytes of temporary space that are allowed`,
    details: { limit: maxBytes },
    hint: "If you trust the input, allow more temporary space",
  });
}
