import type { Scratch, ScratchFile } from "../content/index.ts";

/** A part of another scratch whose files are freed together, unless they are kept. */
export class ScopedScratch implements Scratch {
  readonly #scratch: Scratch;
  #files: ScratchFile[] = [];

  /** @param scratch stays the caller's */
  constructor(scratch: Scratch) {
    this.#scratch = scratch;
  }

  async create(): Promise<ScratchFile> {
    const file = await this.#scratch.create();
    this.#files.push(file);
    return file;
  }

  /** Leaves all files made until now to the scratch below. */
  keep(): void {
    this.#files = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const files = this.#files;
    this.#files = [];
    for (const file of files) await file[Symbol.asyncDispose]();
  }
}
