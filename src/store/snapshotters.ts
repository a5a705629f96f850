import { type ContentStore, type IndexCache, lockFile } from "../content/index.ts";
import type { DriverName, Snapshotter } from "../snapshot/index.ts";
import { markUnpacked, type StoreLayout } from "./store-layout.ts";

/** What the snapshotters of a store are made of. */
export interface SnapshottersInit {
  readonly layout: StoreLayout;
  readonly content: ContentStore;
  readonly indexCache: IndexCache;
}

/** The snapshotters of a store, each opened when it is first asked for: verbs that need none load nothing of that room. */
export class Snapshotters implements AsyncDisposable {
  readonly #init: SnapshottersInit;
  #chosen: Promise<Snapshotter> | undefined;
  readonly #opened = new Map<DriverName, Promise<Snapshotter>>();

  constructor(init: SnapshottersInit) {
    this.#init = init;
  }

  /** The one of that driver, the same each time. Disposed with all. @throws StrataError of `openSnapshotter` */
  async open(driver: DriverName): Promise<Snapshotter> {
    const known = this.#opened.get(driver);
    if (known !== undefined) return await known;
    const opening = this.#open(driver);
    this.#opened.set(driver, opening);
    try {
      return await opening;
    } catch (error) {
      this.#opened.delete(driver);
      throw error;
    }
  }

  /** The one of the driver that was chosen when this store was first asked for one. @throws as {@link open} */
  async openChosen(): Promise<Snapshotter> {
    this.#chosen ??= this.#openChosen();
    try {
      return await this.#chosen;
    } catch (error) {
      this.#chosen = undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled([...this.#opened.values(), ...(this.#chosen ? [this.#chosen] : [])]);
    this.#opened.clear();
    this.#chosen = undefined;
    for (const each of opened) if (each.status === "fulfilled") await each.value[Symbol.asyncDispose]();
  }

  async #openChosen(): Promise<Snapshotter> {
    const { layout, content, indexCache } = this.#init;
    const { snapshotterFor } = await import("../snapshot/index.ts");
    await markUnpacked(layout);
    return await snapshotterFor({ root: layout.snapshots, content, indexCache, holdBlobs: () => this.#holdBlobs() });
  }

  async #open(driver: DriverName): Promise<Snapshotter> {
    const { layout, content, indexCache } = this.#init;
    const { openSnapshotter } = await import("../snapshot/index.ts");
    await markUnpacked(layout);
    const holdBlobs = (): Promise<AsyncDisposable> => this.#holdBlobs();
    return await openSnapshotter({ root: layout.snapshots, driver, content, indexCache, holdBlobs });
  }

  /** Whoever frees blobs waits. */
  async #holdBlobs(): Promise<AsyncDisposable> {
    return await lockFile(this.#init.layout.sweepLock, "shared", { shouldWait: true });
  }
}
