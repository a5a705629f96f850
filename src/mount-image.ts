import { addDetails } from "./base/index.ts";
import { Held } from "./held.ts";
import { type PlaceOptions, rootOf } from "./place-options.ts";
import {
  assertMayMount,
  holderOf,
  listMounted,
  type MountedSnapshot,
  mountKept,
  mountSnapshot,
  openSnapshotters,
  type SnapshotKey,
  type SnapshotName,
  type Snapshotter,
  unmountSnapshot,
} from "./snapshot/index.ts";
import { openStore, snapshotRoot } from "./store/index.ts";
import { unpackNamed } from "./unpack-named.ts";
import type { UnpackNamedOptions } from "./unpack-place.ts";

/** How an image is mounted. */
export interface MountImageOptions extends UnpackNamedOptions {
  /** Whether files can be changed in the mount; the image stays as it is. Default: no. */
  readonly isWritable?: boolean | undefined;
  /** Names the snapshot that takes the changes. It then stays when it is unmounted, to be mounted again by its name. */
  readonly snapshot?: string | undefined;
}

/** Where the store is whose mounts are meant. */
export type StorePlace = Pick<PlaceOptions, "store" | "signal">;

/**
 * Mounts an image, wherever it lives, at an existing directory: unpacks it into the store where that is not done, and
 * shows it. Without a driver that can mount, the error says which would work and what it needs. The mount survives the
 * process.
 * @throws StrataError naming the image
 */
export async function mountImage(name: string, target: string, options: MountImageOptions): Promise<MountedSnapshot> {
  await using held = new Held();
  try {
    assertMayMount();
    const { store, snapshotter, chainId } = await unpackNamed(name, held, options);
    return await mountSnapshot(snapshotter, {
      root: snapshotRoot(store),
      target,
      parent: chainId as string | undefined as SnapshotName | undefined,
      image: name,
      isWritable: options.isWritable ?? false,
      key: options.snapshot as SnapshotKey | undefined,
      signal: options.signal,
    });
  } catch (error) {
    throw addDetails(error, { image: name });
  }
}

/** Mounts a snapshot of the store that was kept. @throws StrataError `snapshot-not-found`, `snapshot-in-use` */
export async function mountSnapshotAgain(
  snapshot: string,
  target: string,
  place: StorePlace,
): Promise<MountedSnapshot> {
  return await withSnapshotters(place, async (snapshotters, root) => {
    const holder = await holderOf(snapshotters, snapshot);
    return await mountKept(holder, snapshot as SnapshotKey, { root, target, signal: place.signal });
  });
}

/** Unmounts an image; what was written is gone, unless the snapshot was named. @throws StrataError `not-mounted`, `mount-busy` */
export async function unmountImage(
  target: string,
  options: StorePlace & { readonly isLazy?: boolean | undefined },
): Promise<MountedSnapshot> {
  const { isLazy, signal } = options;
  return await withSnapshotters(options, (snapshotters, root) =>
    unmountSnapshot(snapshotters, { root, target, isLazy, signal }),
  );
}

/** What of the store is mounted, or was and left something behind, sorted by place. */
export async function listImageMounts(place: StorePlace): Promise<readonly MountedSnapshot[]> {
  return await withSnapshotters(place, async (snapshotters) => {
    const all = await Promise.all(snapshotters.map((snapshotter) => listMounted(snapshotter)));
    return all.flat().sort((a, b) => (a.target < b.target ? -1 : 1));
  });
}

/** Removes a snapshot that is not mounted. @throws StrataError `snapshot-not-found`, `snapshot-in-use`, `snapshot-has-children` */
export async function removeSnapshot(name: string, place: StorePlace): Promise<void> {
  await withSnapshotters(place, async (snapshotters) => {
    const holder = await holderOf(snapshotters, name);
    await holder.remove(name as SnapshotKey);
  });
}

/** Lets `use` work with the snapshotters that have anything in this store. */
export async function withSnapshotters<T>(
  place: StorePlace,
  use: (snapshotters: readonly Snapshotter[], root: string) => Promise<T>,
): Promise<T> {
  await using held = new Held();
  // Nothing is stored here, and where no store is none shall be made.
  const store = held.add(await openStore(rootOf("mount", place), { isReadOnly: true }));
  const { content, indexCache } = store;
  const root = snapshotRoot(store);
  const snapshotters = await openSnapshotters({ root, content, indexCache });
  for (const snapshotter of snapshotters) held.add(snapshotter);
  return await use(snapshotters, root);
}
