import type { Changeset } from "../changeset/index.ts";
import type { ContentStore, IndexCache } from "../content/index.ts";
import type { Digest } from "../oci/index.ts";
import type { DriverName, LayerStack, Mount, SnapshotInfo, SnapshotUsage } from "./snapshotter.ts";

/** What every driver is made of. */
export interface DriverResources {
  /** The driver's own: names that the snapshotter does not use are free. */
  readonly root: string;
  readonly content: ContentStore;
  readonly indexCache: IndexCache;
}

/** A snapshot as a driver sees it. */
export interface DrivenSnapshot {
  /** Short, unique in the snapshotter, and of characters that no mount option minds: `[a-z0-9]`. */
  readonly id: string;
  /** Belongs to the snapshot alone; made by the snapshotter, filled by the driver. */
  readonly directory: string;
  readonly info: SnapshotInfo;
}

/** What a driver tells of a snapshot that is to be committed. */
export interface CommittedFacts {
  readonly content: readonly Digest[];
  readonly usage: SnapshotUsage;
}

/** A directory that becomes a snapshot's. */
export type NewSnapshot = Pick<DrivenSnapshot, "id" | "directory">;

/**
 * What a way of keeping snapshots has to do. The snapshotter sees to names, kinds, locks, records and their order: a driver is
 * called with snapshots and their parents, nearest first, all committed. No two calls at once for one snapshot, over all
 * processes; but several may have the same parents at once, which nobody removes meanwhile: what a driver adds to a parent
 * comes there in one step. A process may die in any call. What it began to make is then removed, what it committed is active
 * still, and may be mounted, written and committed again.
 */
export interface SnapshotDriver {
  readonly name: DriverName;
  /**
   * Fills the directory of a new active snapshot or view, which has no record yet: whatever it needs outside of the directory
   * is for {@link mounts}, or a cleanup might take it away.
   */
  create(snapshot: DrivenSnapshot, parents: readonly DrivenSnapshot[]): Promise<void>;
  /** How to mount an active snapshot or view; sees to what has to be there for that, after a restart of the machine too. */
  mounts(snapshot: DrivenSnapshot, parents: readonly DrivenSnapshot[]): Promise<readonly Mount[]>;
  /** Makes an active snapshot fit to be a parent, and durable: `syncfs` or better. */
  commit(snapshot: DrivenSnapshot, parents: readonly DrivenSnapshot[]): Promise<CommittedFacts>;
  /** What makes an active or committed snapshot out of its parent; its files are read from where they lie when they are asked for. */
  changeset(
    snapshot: DrivenSnapshot,
    parents: readonly DrivenSnapshot[],
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<Changeset>;
  /** The record says now that it is committed: frees what only an active one needs. After a crash {@link cleanup} has to. */
  settle?(snapshot: NewSnapshot): Promise<void>;
  /** Brings a layer into a new directory, as far as possible without the parents. */
  stage(place: NewSnapshot, stack: LayerStack, options: StageOptions): Promise<void>;
  /** The rest, with the parents; durable when it resolves. */
  commitStaged(place: NewSnapshot, parents: readonly DrivenSnapshot[], staged: StagedStack): Promise<CommittedFacts>;
  warm(snapshot: DrivenSnapshot, parents: readonly DrivenSnapshot[], stack: LayerStack | undefined): Promise<void>;
  usage(snapshot: DrivenSnapshot, parents: readonly DrivenSnapshot[]): Promise<SnapshotUsage>;
  /** Deletes the directory and all that hangs on it outside; also of a snapshot that was left half made. */
  remove(place: NewSnapshot): Promise<void>;
  /**
   * Lets go of mounts and devices that none of these snapshots, which are all there are, needs; while it lasts none comes or
   * goes. @returns what was let go, for people
   */
  cleanup(living: readonly DrivenSnapshot[]): Promise<readonly string[]>;
}

/** How a layer is staged. */
export interface StageOptions {
  readonly layer: number;
  readonly signal?: AbortSignal | undefined;
}

/** A layer that was staged. */
export interface StagedStack extends StageOptions {
  readonly stack: LayerStack;
}
