import { StrataError } from "./base/index.ts";
import { type StorePlace, withSnapshotters } from "./mount-image.ts";
import {
  type DriverName,
  freeLeftovers,
  type LeftoversPlace,
  mountedSnapshotOf,
  type SnapshotInfo,
  type Snapshotter,
  type SnapshotUsage,
} from "./snapshot/index.ts";

/** A snapshot of the local store. */
export interface ListedSnapshot extends SnapshotInfo {
  readonly driver: DriverName;
  /** Where `strata mount` has it mounted now. */
  readonly mountedAt: string | undefined;
  /** What it takes by itself; only where it was asked for. */
  readonly usage: SnapshotUsage | undefined;
}

/** All snapshots of the local store, of all drivers; oldest first. */
export async function listSnapshots(
  options: StorePlace & { readonly withUsage?: boolean | undefined },
): Promise<readonly ListedSnapshot[]> {
  return await withSnapshotters(options, async (snapshotters, root) => {
    await freeIfPermitted(snapshotters, { root, signal: options.signal });
    const all = await Promise.all(snapshotters.map((each) => listOf(each, options.withUsage === true)));
    return all.flat().sort((a, b) => a.createdAt - b.createdAt);
  });
}

/** Whoever may only look still sees all. */
async function freeIfPermitted(snapshotters: readonly Snapshotter[], place: LeftoversPlace): Promise<void> {
  try {
    await freeLeftovers(snapshotters, place);
  } catch (error) {
    if (error instanceof StrataError && MAY_NOT.has(error.code)) return;
    throw error;
  }
}

const MAY_NOT: ReadonlySet<string> = new Set(["permission-denied", "read-only-file-system"]);

async function listOf(snapshotter: Snapshotter, withUsage: boolean): Promise<ListedSnapshot[]> {
  const { driver } = snapshotter;
  const listed: ListedSnapshot[] = [];
  for await (const info of snapshotter.walk()) {
    const mounted = await mountedSnapshotOf(info, snapshotter);
    const usage = withUsage ? await snapshotter.usage(info.name) : undefined;
    listed.push({ ...info, driver, usage, mountedAt: mounted?.isMounted === true ? mounted.target : undefined });
  }
  return listed;
}
