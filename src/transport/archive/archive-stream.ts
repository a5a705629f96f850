import { StrataError } from "../../base/index.ts";
import type { ArchiveSink, StandardOutput } from "./archive-sink.ts";

/** An archive that is sent away as it is made. What was sent cannot be taken back: then it stays without an end. */
export class ArchiveStream implements ArchiveSink {
  readonly #send: StandardOutput;
  readonly #close: () => Promise<void>;
  #size = 0;
  #isBroken = false;
  #isOpen = true;

  constructor(send: StandardOutput, close: () => Promise<void>) {
    this.#send = send;
    this.#close = close;
  }

  get size(): number {
    return this.#size;
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#assertWhole();
    await this.#send(bytes);
    this.#size += bytes.length;
  }

  async truncate(size: number): Promise<void> {
    if (size < this.#size) this.#isBroken = true;
  }

  async publish(): Promise<void> {
    this.#assertWhole();
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#close();
  }

  #assertWhole(): void {
    if (!this.#isBroken) return;
    throw new StrataError({
      code: "archive-broken",
      kind: "failed-precondition",
      message: "The archive cannot be completed: a part that turned out wrong has been sent already",
      hint: "Begin again, or write to a file",
    });
  }
}
