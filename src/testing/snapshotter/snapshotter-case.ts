import type { ContentStore } from "../../content/index.ts";
import type { Mount, Snapshotter } from "../../snapshot/index.ts";

/** Where snapshotters of the driver under test lie: what one of them keeps, another one that is opened there finds. */
export interface SnapshotterPlace extends AsyncDisposable {
  /** May be called several times, and the snapshotters be used at once. */
  open(): Promise<Snapshotter>;
  /** Where the snapshotters look for the tars of layers. */
  readonly content: ContentStore;
  /** Mounts at a new, empty directory, and unmounts when `body` is done, whatever came of it. */
  withMounted<T>(mounts: readonly Mount[], body: (directory: string) => T | Promise<T>): Promise<T>;
}

/** One law of the port. It rejects with an `AssertionError` where the driver breaks it. */
export interface SnapshotterCase {
  /** A sentence. */
  readonly name: string;
  /** `mount`: only for who may mount; all others need nothing. */
  readonly needs?: "mount";
  run(snapshots: Snapshotter, place: SnapshotterPlace): Promise<void>;
}
