import type { Changeset } from "../changeset/index.ts";
import type { LocatedSource } from "../content/index.ts";
import type { ChainId, DiffId, Digest } from "../oci/index.ts";
import type { ProvenanceTree } from "../union/index.ts";

declare const key: unique symbol;
declare const name: unique symbol;

/** Names an active snapshot or a view while it lives; any text that is not empty. */
export type SnapshotKey = string & { readonly [key]: true };

/** Names a committed snapshot; for the layers of an image its chainID. Keys and names share one space. */
export type SnapshotName = string & { readonly [name]: true };

/** What a snapshot may be: `active` is written to, a `view` is only read, `committed` is a parent for others. */
export type SnapshotKind = "active" | "view" | "committed";

/** Every way to keep snapshots, the best first. */
export const DRIVER_NAMES = ["erofs", "overlay", "btrfs", "vfs"] as const;

/** The ways in which snapshots are kept. */
export type DriverName = (typeof DRIVER_NAMES)[number];

/** Free texts about a snapshot, for whoever made it. */
export type Labels = Readonly<Record<string, string>>;

/** What is known of a snapshot. All but the labels never changes, save that an active one becomes committed. */
export interface SnapshotInfo {
  /** Key of an active snapshot or view, name of a committed one. */
  readonly name: SnapshotKey | SnapshotName;
  readonly kind: SnapshotKind;
  /** Undefined for a snapshot that began empty. */
  readonly parent: SnapshotName | undefined;
  readonly labels: Labels;
  /** In milliseconds since 1970: for people. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Blobs that the snapshot cannot do without: tars of layers, by diffID. Its parents' are not repeated. */
  readonly content: readonly Digest[];
}

/** What a snapshot takes by itself, its parents left out. */
export interface SnapshotUsage {
  readonly bytes: number;
  readonly inodes: number;
}

/** One mount, in the words of mount(8); several are done in their order, each at the same target. */
export interface Mount {
  readonly type: "bind" | "overlay" | "erofs";
  /** A path; for `overlay` the word `overlay`. */
  readonly source: string;
  /** `ro`, `rbind`, `lowerdir=…`, `upperdir=…`; what is no flag of mount(8) is for the file system. */
  readonly options: readonly string[];
}

/** The layers of one image, indexed and verified: what drivers take layers from. */
export interface LayerStack {
  /** All layers of the image merged, which remembers what each did. */
  readonly tree: ProvenanceTree;
  /** Base first, one for each layer of the tree. */
  readonly diffIds: readonly DiffId[];
  readonly chainIds: readonly ChainId[];
  /** The uncompressed tar of a layer, a local file. May be called for any layer, also several times. The caller disposes it. */
  openTar(layer: number): Promise<LocatedSource>;
}

/** A layer whose changes lie ready, so that making it a snapshot is quick. Disposing it without commit leaves no trace. */
export interface StagedLayer extends AsyncDisposable {
  /**
   * Makes it a committed snapshot on `parent` (undefined for a base layer). Durable when it resolves.
   * @throws StrataError `snapshot-exists`, `snapshot-not-found`
   */
  commit(name: SnapshotName, parent: SnapshotName | undefined): Promise<void>;
}

/** How a snapshot is begun or committed. */
export interface SnapshotOptions {
  readonly labels?: Labels | undefined;
}

/** How a view is begun. */
export interface ViewOptions extends SnapshotOptions {
  /**
   * Nobody needs it after the next start of the machine: a loss of power may take it away as a whole, or bring it back after it
   * was removed, so that beginning, relabelling and removing it hardly wait for the disk. Default: no.
   */
  readonly isTransient?: boolean | undefined;
}

/** What {@link Snapshotter.cleanup} removed. */
export interface CleanupReport {
  /** Directories, mounts and loop devices that belonged to no snapshot any more. */
  readonly removed: readonly string[];
}

/**
 * File systems that build on each other, with containerd's life cycle and words:
 *
 *     prepare → (mount, write, unmount) → commit → view or prepare on top → remove
 *
 * Any number of processes may use one snapshotter's directory at once; every change is atomic and durable, and what a
 * process that died left behind is removed by {@link cleanup}. All drivers pass `snapshotterSuite` of the testing room.
 * The caller disposes it; mounts survive that.
 */
export interface Snapshotter extends AsyncDisposable {
  readonly driver: DriverName;
  /**
   * Begins an active snapshot on a committed parent, or on nothing.
   * @returns how to mount it, as {@link mounts}
   * @throws StrataError `snapshot-exists`, `snapshot-not-found`, `snapshot-not-committed` for the parent
   */
  prepare(key: SnapshotKey, parent: SnapshotName | undefined, options?: SnapshotOptions): Promise<readonly Mount[]>;
  /** {@link prepare} for a snapshot that is only read. */
  view(key: SnapshotKey, parent: SnapshotName | undefined, options?: ViewOptions): Promise<readonly Mount[]>;
  /**
   * Makes an active snapshot a committed one, in one step: its key is gone, and its labels are those of `options` alone.
   * @throws StrataError `snapshot-exists`, `snapshot-not-found`, `snapshot-not-active`, `snapshot-in-use` while it is mounted:
   *   then it is active still
   */
  commit(name: SnapshotName, key: SnapshotKey, options?: SnapshotOptions): Promise<void>;
  /**
   * What makes an active or committed snapshot out of its parent (out of nothing where there is none). An active one may be mounted,
   * as long as nobody writes to it; its tar is to be read before the snapshot is committed or removed.
   * @throws StrataError `snapshot-not-found`, `snapshot-not-active` for a view; as `createChangeset`
   */
  changeset(
    name: SnapshotKey | SnapshotName,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Changeset>;
  /**
   * How to mount an active snapshot or view. Asked again after a reboot it sees to what has to be there.
   * @throws StrataError `snapshot-not-found`, `snapshot-not-active` for a committed one
   */
  mounts(key: SnapshotKey): Promise<readonly Mount[]>;
  /**
   * Removes a snapshot from one moment to the next, then its files. When those cannot all be deleted the error says so, the
   * snapshot is gone all the same, and a {@link cleanup} tries again.
   * @throws StrataError `snapshot-not-found`, `snapshot-has-children`, `snapshot-in-use` while it is mounted where this
   *   process sees it
   */
  remove(name: SnapshotKey | SnapshotName): Promise<void>;
  /** @throws StrataError `snapshot-not-found` */
  stat(name: SnapshotKey | SnapshotName): Promise<SnapshotInfo>;
  /** Sets labels, or removes those whose value is undefined. @throws StrataError `snapshot-not-found` */
  update(name: SnapshotKey | SnapshotName, labels: Readonly<Record<string, string | undefined>>): Promise<SnapshotInfo>;
  /** Every snapshot that there is when it begins, in no order. The snapshotter may be used meanwhile. */
  walk(): AsyncIterable<SnapshotInfo>;
  /** @throws StrataError `snapshot-not-found` */
  usage(name: SnapshotKey | SnapshotName): Promise<SnapshotUsage>;
  /** Removes what belongs to no snapshot: remains of processes that died, mounts nobody uses. */
  cleanup(): Promise<CleanupReport>;
  /**
   * Brings one layer of an image in, as far as that is possible without its parent; several at once, in any order.
   * @throws StrataError with `details.layer`
   */
  stage(
    stack: LayerStack,
    layer: number,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<StagedLayer>;
  /**
   * Does beforehand what the first view or prepare on a committed snapshot would have to do (`erofs`: the index of the
   * chain). `stack` spares reading tables of contents again, when it is the chain's own.
   */
  warm(name: SnapshotName, stack?: LayerStack): Promise<void>;
}
