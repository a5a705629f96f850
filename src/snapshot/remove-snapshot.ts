import { assertUnmounted } from "./assert-unmounted.ts";
import { discard, holdSnapshot, type SnapshotHouse } from "./held-snapshots.ts";
import { snapshotHasChildren } from "./snapshot-errors.ts";

/** See `Snapshotter.remove`: from the moment on when its record is gone there is no such snapshot. */
export async function removeSnapshot(house: SnapshotHouse, name: string): Promise<void> {
  await using held = await holdSnapshot(house, name);
  assertUnmounted(held.snapshot, "remove");
  await house.records.change(async (change) => {
    const child = change.childOf(name);
    if (child !== undefined) throw snapshotHasChildren(name, child);
    await change.remove(held.record);
  });
  await discard(house, held.snapshot);
}
