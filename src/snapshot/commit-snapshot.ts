import { now } from "../base/index.ts";
import { assertUnmounted } from "./assert-unmounted.ts";
import { ancestorsOf, drivenOf, holdSnapshot, type SnapshotHouse } from "./held-snapshots.ts";
import type { CommittedFacts } from "./snapshot-driver.ts";
import { snapshotExists, snapshotNotActive } from "./snapshot-errors.ts";
import { assertName } from "./snapshot-name.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";
import type { SnapshotKey, SnapshotName, SnapshotOptions } from "./snapshotter.ts";

/** See `Snapshotter.commit`. */
export async function commitSnapshot(
  house: SnapshotHouse,
  name: SnapshotName,
  key: SnapshotKey,
  { labels = {} }: SnapshotOptions = {},
): Promise<void> {
  assertName(name);
  await using _ = await house.holdBlobs?.();
  await using held = await holdSnapshot(house, key);
  const { record, snapshot } = held;
  if (record.info.kind !== "active") throw snapshotNotActive(key, "commit");
  if (house.records.read(name) !== undefined) throw snapshotExists(name);
  assertUnmounted(snapshot, "commit");
  const parents = ancestorsOf(house, record).map((each) => drivenOf(house, each));
  const facts = await house.driver.commit(snapshot, parents);
  await house.records.change(async (change) => {
    if (change.read(name) !== undefined) throw snapshotExists(name);
    // Its labels may be others by now.
    const from = change.read(key) ?? record;
    await change.become(from, committedRecord(from, { name, labels, facts }));
  });
  await house.driver.settle?.(snapshot);
}

function committedRecord(
  { id, info }: SnapshotRecord,
  { name, labels, facts }: Pick<SnapshotRecord["info"], "labels"> & { name: SnapshotName; facts: CommittedFacts },
): SnapshotRecord {
  const { content, usage } = facts;
  return { id, info: { ...info, name, kind: "committed", labels, updatedAt: now(), content }, usage };
}
