import type { ContentStore, IndexCache } from "../content/index.ts";
import type { BlobPlace } from "../image/index.ts";
import type { DriverName, Snapshotter } from "../snapshot/index.ts";
import type { Metadata } from "./metadata/records.ts";
import type { Lease } from "./store.ts";
import type { StoreLayout } from "./store-layout.ts";

/** What the functions of this room work on. */
export interface StoreParts {
  readonly layout: StoreLayout;
  readonly isReadOnly: boolean;
  readonly content: ContentStore;
  readonly indexCache: IndexCache;
  /** The blobs as a place that documents are read from. */
  readonly place: BlobPlace;
  /** The tables, opened at the first call. @throws StrataError `store-metadata-unreadable` */
  metadata(): Promise<Metadata>;
  /** The same for one look, as they are at this moment: quick also where nobody has opened them. */
  glance(): Promise<Pick<Metadata, "read">>;
  /** Closes the tables, so that they can be replaced. */
  closeMetadata(): Promise<void>;
  /** The snapshotter of that driver, opened at the first call; it belongs to the store. */
  snapshotter(driver: DriverName): Promise<Snapshotter>;
  /** Undefined where the store is read-only or the disk full, and nothing can be protected. */
  lease(): Promise<Lease | undefined>;
}
