import type { ByteSource } from "../../base/index.ts";
import type { Spill } from "./spill.ts";

/** Bytes of a full page. */
export const PAGE = 64 * 1024;

/** Pages that were written out together; freed when nobody needs one of them any more. */
export class SpilledPages {
  readonly #source: ByteSource;
  #users = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  hold(): void {
    this.#users++;
  }

  async release(): Promise<void> {
    if (--this.#users === 0) await this.#source[Symbol.asyncDispose]();
  }

  /** Held meanwhile, so that a page that is overwritten during the read does not take the bytes away. */
  async read(target: Uint8Array, offset: number): Promise<number> {
    this.hold();
    try {
      return await this.#source.read(target, offset);
    } finally {
      await this.release();
    }
  }
}

/** A page in memory, as long as it has been written to (what follows is zeros), or where it was spilled to. */
export type Page = Uint8Array | { readonly spilled: SpilledPages; readonly offset: number; readonly length: number };

/** Whoever has pages in memory. */
export interface PageOwner {
  /** The pages, to be replaced one by one. */
  readonly pages: Map<number, Page>;
}

/**
 * The memory of all files of one file system. Where there is a {@link Spill}, all pages go there together as soon as they
 * pass the bound; without one the bound means nothing.
 */
export class PageStore {
  readonly #owners = new Set<PageOwner>();
  readonly #limit: number;
  readonly #spill: Spill | undefined;
  #used = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor({ limit, spill }: { readonly limit: number; readonly spill: Spill | undefined }) {
    this.#limit = limit;
    this.#spill = spill;
  }

  /** Bytes of pages in memory. */
  get used(): number {
    return this.#used;
  }

  /** Changes of pages happen one after the other, so that none is written out while it changes. */
  exclusively<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(change);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Puts a page in place of another. Only within {@link exclusively}. */
  async put(owner: PageOwner, number: number, page: Page | undefined): Promise<void> {
    const old = owner.pages.get(number);
    if (old === page) return;
    if (old instanceof Uint8Array) this.#used -= old.length;
    if (page !== undefined) owner.pages.set(number, page);
    else if (owner.pages.delete(number) && owner.pages.size === 0) this.#owners.delete(owner);
    if (page instanceof Uint8Array) {
      this.#used += page.length;
      this.#owners.add(owner);
    } else page?.spilled.hold();
    if (old !== undefined && !(old instanceof Uint8Array)) await old.spilled.release();
  }

  /** Spills everything when the bound is passed. Only within {@link exclusively}. */
  async keepBound(): Promise<void> {
    if (this.#spill === undefined || this.#used <= this.#limit) return;
    const file = await this.#spill.create();
    const places: {
      readonly owner: PageOwner;
      readonly number: number;
      readonly offset: number;
      readonly length: number;
    }[] = [];
    try {
      let offset = 0;
      for (const owner of this.#owners) {
        for (const [number, page] of owner.pages) {
          if (!(page instanceof Uint8Array)) continue;
          await file.write(page);
          places.push({ owner, number, offset, length: page.length });
          offset += page.length;
        }
      }
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw error;
    }
    const spilled = new SpilledPages(await file.finish());
    for (const { owner, number, offset, length } of places) await this.put(owner, number, { spilled, offset, length });
    this.#owners.clear();
  }
}
