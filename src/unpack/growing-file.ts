import { readSync } from "node:fs";
import { assertNotAborted, type ByteSource, StrataError } from "../base/index.ts";
import { fileError } from "../content/index.ts";

/** Large enough that system calls do not count. */
const CHUNK_BYTES = 512 * 1024;

/**
 * A file that somebody else is still writing, read as if it were there already: who asks for bytes that have not come waits
 * for them. Its writer tells when more have come and how it ended.
 */
export class GrowingFile implements ByteSource {
  /** What it will have in the end. */
  readonly size: number;
  readonly #fd: number;
  #state: "growing" | "complete" | "failed" = "growing";
  #wake: () => void = () => {};
  #woken: Promise<void>;

  /** @param fd stays the caller's, who closes it afterwards */
  constructor(fd: number, size: number) {
    this.#fd = fd;
    this.size = size;
    this.#woken = this.#nextWake();
  }

  /** More bytes have come, or come soon. */
  more(): void {
    this.#wake();
  }

  /** All bytes are there and are what they should be. */
  complete(): void {
    if (this.#state === "growing") this.#state = "complete";
    this.#wake();
  }

  /** What was read may be wrong. Whoever waits hears of it. */
  fail(): void {
    this.#state = "failed";
    this.#wake();
  }

  /** Waits for the end. @throws StrataError `ingest-not-followed` when it is a failure */
  async whole(): Promise<void> {
    while (this.#state === "growing") await this.#woken;
    this.#assertGood();
  }

  async read(target: Uint8Array, offset: number): Promise<number> {
    const wanted = Math.max(0, Math.min(target.length, this.size - offset));
    let done = 0;
    while (done < wanted) done += await this.#readSome(target.subarray(done, wanted), offset + done);
    return done;
  }

  async *stream({
    start = 0,
    end = this.size,
    signal,
  }: {
    start?: number;
    end?: number;
    signal?: AbortSignal;
  } = {}): AsyncGenerator<Uint8Array> {
    const stop = Math.min(end, this.size);
    for (let offset = start; offset < stop; ) {
      assertNotAborted(signal);
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, stop - offset));
      const count = await this.#readSome(chunk, offset);
      offset += count;
      yield chunk.subarray(0, count);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** At least one byte, sooner or later. */
  async #readSome(target: Uint8Array, offset: number): Promise<number> {
    for (;;) {
      this.#assertGood();
      // Asked before the file is read, so that bytes that come right afterwards are not slept through.
      const [woken, state] = [this.#woken, this.#state];
      const count = this.#readNow(target, offset);
      if (count > 0) return count;
      if (state === "complete") throw this.#broken();
      await woken;
    }
  }

  #readNow(target: Uint8Array, offset: number): number {
    try {
      return readSync(this.#fd, target, 0, target.length, offset);
    } catch (error) {
      throw fileError(error, "the growing blob");
    }
  }

  #nextWake(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#woken = this.#nextWake();
        resolve();
      };
    });
  }

  #assertGood(): void {
    if (this.#state === "failed") throw this.#broken();
  }

  #broken(): StrataError {
    return new StrataError({
      code: "ingest-not-followed",
      kind: "unavailable",
      message: "A blob that was read while it arrived did not become what it was to be",
    });
  }
}
