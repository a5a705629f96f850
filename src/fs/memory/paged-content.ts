import type { ByteSource } from "../../base/index.ts";
import { blocksOfRuns, type SparseRun } from "../../tar/index.ts";
import type { ContentReference } from "../fs-like.ts";
import { PAGE, type Page, type PageOwner, type PageStore } from "./page-store.ts";

/**
 * The bytes of one file: pages that were written, over what the file refers to (of which only the first {@link #baseSize}
 * bytes still count), over zeros.
 */
export class PagedContent implements PageOwner {
  readonly pages = new Map<number, Page>();
  readonly #store: PageStore;
  #base: ContentReference | undefined;
  #baseSize: number;
  #size: number;
  #source: Promise<ByteSource> | undefined;
  #users = 0;
  #isWritten = false;

  constructor(store: PageStore, base?: ContentReference) {
    this.#store = store;
    this.#base = base;
    this.#size = base?.size ?? 0;
    this.#baseSize = this.#size;
  }

  get size(): number {
    return this.#size;
  }

  /** What the file refers to, while nothing was written. */
  get reference(): ContentReference | undefined {
    return this.#isWritten ? undefined : this.#base;
  }

  /** Bytes that the pages take, for `blocks`. */
  get allocated(): number {
    return this.#base === undefined ? this.pages.size * PAGE : this.#size;
  }

  /** Keeps what the file refers to open until the matching {@link leave}. */
  enter(): void {
    this.#users++;
  }

  async leave(): Promise<void> {
    if (--this.#users === 0) await this.#closeBase();
  }

  /** Where there may be data: what was written, and what the file refers to has. Undefined for everywhere. */
  async dataRuns(): Promise<readonly SparseRun[] | undefined> {
    const below = (await this.#base?.dataRuns?.()) ?? [{ offset: 0, length: this.#baseSize }];
    const runs = below.map(({ offset, length }) => ({ offset, length: Math.min(length, this.#baseSize - offset) }));
    for (const [number, page] of this.pages) runs.push({ offset: number * PAGE, length: page.length });
    return blocksOfRuns(
      runs.sort((a, b) => a.offset - b.offset),
      this.#size,
    );
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    const end = Math.min(this.#size, position + target.length);
    for (let at = position; at < end; ) {
      const number = Math.floor(at / PAGE);
      const stop = Math.min(end, (number + 1) * PAGE);
      await this.#readPage(target.subarray(at - position, stop - position), number, at - number * PAGE);
      at = stop;
    }
    return Math.max(0, end - position);
  }

  write(bytes: Uint8Array, position: number | "end"): Promise<number> {
    return this.#store.exclusively(async () => {
      this.#isWritten = true;
      const start = position === "end" ? this.#size : position;
      const end = start + bytes.length;
      for (let at = start; at < end; ) {
        const number = Math.floor(at / PAGE);
        const stop = Math.min(end, (number + 1) * PAGE);
        await this.#writePage(bytes.subarray(at - start, stop - start), number, at - number * PAGE);
        at = stop;
        this.#size = Math.max(this.#size, at);
        await this.#store.keepBound();
      }
      return start;
    });
  }

  truncate(size: number): Promise<void> {
    return this.#store.exclusively(async () => {
      if (size === this.#size) return;
      this.#isWritten = true;
      if (size < this.#size) await this.#cut(size);
      this.#size = size;
    });
  }

  /** Frees all. */
  drop(): Promise<void> {
    return this.#store.exclusively(() => this.#cut(0));
  }

  async #cut(size: number): Promise<void> {
    const last = Math.floor(size / PAGE);
    for (const [number, page] of Array.from(this.pages)) {
      if (number > last || size === 0) await this.#store.put(this, number, undefined);
      else if (number === last && page.length > size - last * PAGE) {
        await this.#store.put(this, number, (await this.#load(number)).slice(0, size - last * PAGE));
      }
    }
    this.#baseSize = Math.min(this.#baseSize, size);
    if (this.#baseSize > 0) return;
    await this.#closeBase();
    this.#base = undefined;
  }

  async #writePage(bytes: Uint8Array, number: number, offset: number): Promise<void> {
    const end = offset + bytes.length;
    const isWhole = offset === 0 && (end === PAGE || number * PAGE + end >= this.#size);
    const page = isWhole ? new Uint8Array() : await this.#load(number);
    const room = page.length >= end ? page : grown(page, end);
    room.set(bytes, offset);
    await this.#store.put(this, number, room);
  }

  /** The page's bytes in memory, for changing: what was written, else what the file refers to. */
  async #load(number: number): Promise<Uint8Array> {
    const page = this.pages.get(number);
    if (page instanceof Uint8Array) return page;
    const length = page?.length ?? Math.max(0, Math.min(PAGE, this.#baseSize - number * PAGE));
    const bytes = new Uint8Array(length);
    await this.#readPage(bytes, number, 0);
    return bytes;
  }

  async #readPage(target: Uint8Array, number: number, offset: number): Promise<void> {
    const page = this.pages.get(number);
    let count = 0;
    if (page instanceof Uint8Array) {
      const part = page.subarray(offset, offset + target.length);
      target.set(part);
      count = part.length;
    } else if (page !== undefined) {
      const part = target.subarray(0, Math.max(0, page.length - offset));
      count = part.length === 0 ? 0 : await page.spilled.read(part, page.offset + offset);
    } else count = await this.#readBase(target, number * PAGE + offset);
    target.fill(0, count);
  }

  async #readBase(target: Uint8Array, position: number): Promise<number> {
    const part = target.subarray(0, Math.max(0, this.#baseSize - position));
    if (part.length === 0 || this.#base === undefined) return 0;
    this.enter();
    try {
      this.#source ??= this.#base.open();
      return await (await this.#source).read(part, position);
    } finally {
      await this.leave();
    }
  }

  async #closeBase(): Promise<void> {
    const source = this.#source;
    this.#source = undefined;
    await (await source?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }
}

/** Doubled, so that a file that grows by little is not copied each time. */
function grown(page: Uint8Array, length: number): Uint8Array {
  const larger = new Uint8Array(Math.min(PAGE, Math.max(length, page.length * 2)));
  larger.set(page);
  return larger;
}
