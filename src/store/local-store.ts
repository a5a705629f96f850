import type { ContentStore, IndexCache } from "../content/index.ts";
import type { ArtifactSource, ImageDestination, ImageSource, PlatformChoice } from "../image/index.ts";
import type { Snapshotter } from "../snapshot/index.ts";
import type { CheckOptions, Fault, Repair } from "./fault.ts";
import { findImage } from "./find-image.ts";
import { storePlace } from "./image-graph.ts";
import { normalizeName, tryNormalizeName } from "./image-reference.ts";
import { leaseIfPossible, openLease } from "./lease.ts";
import { listImages } from "./list-images.ts";
import type { Metadata } from "./metadata/records.ts";
import { readOnly } from "./metadata/snapshot-metadata.ts";
import { mayHaveName } from "./names-copy.ts";
import { openStoredImage, storedChain } from "./open-stored.ts";
import { glanceAtTables } from "./open-tables.ts";
import { Snapshotters } from "./snapshotters.ts";
import type {
  DestinationOptions,
  Discarded,
  DiscardOptions,
  DiskUsage,
  GarbageOptions,
  GarbageReport,
  Lease,
  PruneOptions,
  PruneReport,
  Removed,
  RemoveOptions,
  SnapshotterOptions,
  Store,
  StoredChain,
  StoredImage,
} from "./store.ts";
import type { StoreParts } from "./store-parts.ts";

export interface LocalStoreInit extends Pick<StoreParts, "layout" | "isReadOnly" | "content" | "indexCache"> {
  readonly openMetadata: () => Promise<Metadata>;
}

/** The store: each of its verbs is a function of this room; what only some programs do is loaded when they do it. */
export class LocalStore implements Store {
  readonly root: string;
  readonly content: ContentStore;
  readonly indexCache: IndexCache;
  readonly #parts: StoreParts;
  readonly #openMetadata: () => Promise<Metadata>;
  readonly #snapshotters: Snapshotters;
  #metadata: Promise<Metadata> | undefined;

  constructor({ openMetadata, ...parts }: LocalStoreInit) {
    const { layout, content, isReadOnly } = parts;
    this.root = layout.root;
    this.content = content;
    this.indexCache = parts.indexCache;
    this.#openMetadata = openMetadata;
    this.#snapshotters = new Snapshotters(parts);
    this.#parts = {
      ...parts,
      place: storePlace(content, layout.root),
      metadata: () => this.#openedMetadata(),
      glance: async () => (this.#isOpen ? undefined : await glanceAtTables(layout)) ?? (await this.#openedMetadata()),
      closeMetadata: () => this.#closeMetadata(),
      snapshotter: (driver) => this.#snapshotters.open(driver),
      lease: async () => (isReadOnly ? undefined : await leaseIfPossible(layout)),
    };
  }

  async images(): Promise<readonly StoredImage[]> {
    return (await this.#openedMetadata()).read(listImages);
  }

  async find(text: string): Promise<StoredImage> {
    return (await this.#parts.glance()).read((records) => {
      const { key } = findImage(records, text);
      return listImages(records).find(({ descriptor }) => descriptor.digest === key) as StoredImage;
    });
  }

  async has(name: string): Promise<boolean> {
    const full = tryNormalizeName(name);
    if (full === undefined) return false;
    // The copy is cheap to read, and a name that is not in it was never here for longer than a moment.
    if (!(await mayHaveName(this.root, full))) return false;
    return (await this.#parts.glance()).read((records) => records.get("name", full) !== undefined);
  }

  async tag(text: string, name: string): Promise<void> {
    const full = normalizeName(name);
    this.#assertWritable();
    const { tagImage } = await import("./tag-image.ts");
    await tagImage(this.#parts, text, full);
  }

  async remove(text: string, options: RemoveOptions = {}): Promise<Removed> {
    this.#assertWritable();
    const { removeImage } = await import("./remove-image.ts");
    return await removeImage(this.#parts, text, options);
  }

  async prune(options: PruneOptions = {}): Promise<PruneReport> {
    this.#assertWritable();
    const { pruneStore } = await import("./prune.ts");
    return await pruneStore(this.#parts, options);
  }

  async collectGarbage(options: GarbageOptions = {}): Promise<GarbageReport> {
    this.#assertWritable();
    const { collectGarbage } = await import("./collect-garbage.ts");
    return await collectGarbage(this.#parts, options);
  }

  async diskUsage(): Promise<DiskUsage> {
    const { diskUsage } = await import("./disk-usage.ts");
    return await diskUsage(this.#parts);
  }

  async snapshotter({ driver }: SnapshotterOptions = {}): Promise<Snapshotter> {
    this.#assertWritable();
    return driver === undefined ? await this.#snapshotters.openChosen() : await this.#snapshotters.open(driver);
  }

  async discardCompressed(text: string, options: DiscardOptions = {}): Promise<Discarded> {
    this.#assertWritable();
    const { discardCompressed } = await import("./discard-compressed.ts");
    return await discardCompressed(this.#parts, text, options);
  }

  async lease(): Promise<Lease> {
    this.#assertWritable();
    return await openLease(this.#parts.layout);
  }

  async *check(options: CheckOptions = {}): AsyncIterable<Fault> {
    const { checkStore } = await import("./check/check-store.ts");
    yield* checkStore(this.#parts, options);
  }

  repair(options: CheckOptions = {}): AsyncIterable<Repair> {
    this.#assertWritable();
    return this.#repair(options);
  }

  async *#repair(options: CheckOptions): AsyncIterable<Repair> {
    const { repairStore } = await import("./check/repair-store.ts");
    yield* repairStore(this.#parts, options);
  }

  async openImage(text: string, choice: PlatformChoice): Promise<ImageSource> {
    return await openStoredImage(this.#parts, text, choice);
  }

  async chain(text: string, choice: PlatformChoice): Promise<StoredChain> {
    return await storedChain(this.#parts, text, choice);
  }

  async openArtifact(text: string): Promise<ArtifactSource> {
    const { openStoredArtifact } = await import("./open-stored-artifact.ts");
    return await openStoredArtifact(this.#parts, text);
  }

  async destination(name: string | undefined, { onIngest }: DestinationOptions = {}): Promise<ImageDestination> {
    const full = name === undefined ? undefined : normalizeName(name);
    const metadata = await this.#writableMetadata();
    const { content, place, layout } = this.#parts;
    const { StoreDestination } = await import("./store-destination.ts");
    const lease = await openLease(layout);
    const reference = name ?? this.root;
    return new StoreDestination({ content, metadata, place, lease, reference, name: full, onIngest });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#snapshotters[Symbol.asyncDispose]();
    await this.#closeMetadata();
    await this.content[Symbol.asyncDispose]();
  }

  /** A store for reading only has its tables from the first look on. */
  get #isOpen(): boolean {
    return this.#metadata !== undefined || this.#parts.isReadOnly;
  }

  async #openedMetadata(): Promise<Metadata> {
    this.#metadata ??= this.#openMetadata();
    try {
      return await this.#metadata;
    } catch (error) {
      this.#metadata = undefined;
      throw error;
    }
  }

  async #writableMetadata(): Promise<Metadata> {
    this.#assertWritable();
    return await this.#openedMetadata();
  }

  async #closeMetadata(): Promise<void> {
    const opened = await this.#metadata?.catch(() => undefined);
    this.#metadata = undefined;
    await opened?.[Symbol.asyncDispose]();
  }

  #assertWritable(): void {
    if (this.#parts.isReadOnly) throw readOnly(this.root);
  }
}
