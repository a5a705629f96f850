import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { randomName } from "../base/index.ts";
import { type FileLock, fileError, lockFile, tryLockFile } from "../content/index.ts";
import type { RecordTable } from "./record-table.ts";
import { removeTree } from "./remove-tree.ts";
import type { DrivenSnapshot, NewSnapshot, SnapshotDriver } from "./snapshot-driver.ts";
import { missingParent, snapshotNotCommitted, snapshotNotFound } from "./snapshot-errors.ts";
import type { SnapshotPlaces } from "./snapshot-places.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";
import type { SnapshotName } from "./snapshotter.ts";

/** What all that a snapshotter does stands on. */
export interface SnapshotHouse {
  readonly places: SnapshotPlaces;
  readonly records: RecordTable;
  readonly driver: SnapshotDriver;
  /** As in the options of `openSnapshotter`. */
  readonly holdBlobs?: (() => Promise<AsyncDisposable>) | undefined;
}

/**
 * A snapshot that nobody else works on until this is disposed. Locks are taken in one order: the snapshot's own, its parent's,
 * that of all records.
 */
export interface HeldSnapshot extends AsyncDisposable {
  readonly record: SnapshotRecord;
  readonly snapshot: DrivenSnapshot;
}

/** A parent that nobody removes until this is disposed. */
export interface HeldParent extends AsyncDisposable {
  /** Nearest first: the parent itself, then those that it builds on. Empty where there is no parent. */
  readonly parents: readonly DrivenSnapshot[];
}

/** A directory that is no snapshot's yet. Disposing it removes it, unless it was kept. */
export interface HeldPlace extends AsyncDisposable {
  readonly place: NewSnapshot;
  /** It belongs to a snapshot now. */
  keep(): void;
}

/** The snapshot as its driver sees it. */
export function drivenOf({ places }: SnapshotHouse, { id, info }: SnapshotRecord): DrivenSnapshot {
  return { id, directory: join(places.data, id), info };
}

/** @throws StrataError `snapshot-not-found` */
export async function holdSnapshot(house: SnapshotHouse, name: string): Promise<HeldSnapshot> {
  const { record, lock } = await lockRecord(house, name, "exclusive");
  return { record, snapshot: drivenOf(house, record), [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose]() };
}

/** @throws StrataError `snapshot-not-found`, `snapshot-not-committed` */
export async function holdParent(house: SnapshotHouse, parent: SnapshotName | undefined): Promise<HeldParent> {
  if (parent === undefined) return { parents: [], async [Symbol.asyncDispose]() {} };
  const { record, lock } = await lockRecord(house, parent, "shared");
  try {
    if (record.info.kind !== "committed") throw snapshotNotCommitted(parent);
    return {
      parents: [record, ...ancestorsOf(house, record)].map((each) => drivenOf(house, each)),
      [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose](),
    };
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** What a snapshot builds on, nearest first. The caller holds it, so that none of them is removed. */
export function ancestorsOf({ records }: SnapshotHouse, record: SnapshotRecord): readonly SnapshotRecord[] {
  const ancestors: SnapshotRecord[] = [];
  for (let { name, parent } = record.info; parent !== undefined; ) {
    const above = records.read(parent);
    if (above === undefined) throw missingParent(name, parent);
    ancestors.push(above);
    ({ name, parent } = above.info);
  }
  return ancestors;
}

/** A new directory for what is to become a snapshot. */
export async function holdNewPlace(house: SnapshotHouse): Promise<HeldPlace> {
  for (;;) {
    // Ten digits of sixteen are eight of thirty-six; whoever meets a snapshot that is there tries again.
    const id = Number.parseInt(randomName().slice(0, 10), 16).toString(36);
    const lock = await tryLockFile(join(house.places.locks, id), "exclusive");
    if (lock === undefined) continue;
    const place = { id, directory: join(house.places.data, id) };
    if (await makeDirectory(place.directory, lock)) return heldPlace(house, place, lock);
    await lock[Symbol.asyncDispose]();
  }
}

/**
 * Deletes what no record names, with its lock, which the caller holds. What a loss of power brings back no record names
 * either, and goes with the next cleanup.
 */
export async function discard({ driver, places }: SnapshotHouse, place: NewSnapshot): Promise<void> {
  await driver.remove(place);
  await removeTree(place.directory);
  rmSync(join(places.locks, place.id), { force: true });
}

function heldPlace(house: SnapshotHouse, place: NewSnapshot, lock: FileLock): HeldPlace {
  let isKept = false;
  return {
    place,
    keep: () => {
      isKept = true;
    },
    async [Symbol.asyncDispose]() {
      try {
        if (!isKept) await discard(house, place);
        isKept = true;
      } finally {
        await lock[Symbol.asyncDispose]();
      }
    },
  };
}

async function makeDirectory(path: string, lock: FileLock): Promise<boolean> {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    await lock[Symbol.asyncDispose]();
    throw fileError(error, path, "write");
  }
}

/** The record of a snapshot that has it still when its lock is ours. */
async function lockRecord(
  { records, places }: SnapshotHouse,
  name: string,
  mode: "shared" | "exclusive",
): Promise<{ record: SnapshotRecord; lock: FileLock }> {
  for (;;) {
    const found = records.read(name);
    if (found === undefined) throw snapshotNotFound(name);
    const lock = await lockFile(join(places.locks, found.id), mode, { shouldWait: true });
    const record = records.read(name);
    if (record?.id === found.id) return { record, lock };
    await lock[Symbol.asyncDispose]();
  }
}
