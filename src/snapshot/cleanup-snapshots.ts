import { promises as fs } from "node:fs";
import { join } from "node:path";
import { fileError, tryLockFile } from "../content/index.ts";
import { discard, drivenOf, type SnapshotHouse } from "./held-snapshots.ts";
import type { CleanupReport } from "./snapshotter.ts";

/** See `Snapshotter.cleanup`. */
export async function cleanupSnapshots(house: SnapshotHouse): Promise<CleanupReport> {
  const removed: string[] = [];
  // While it lasts no snapshot comes or goes; what is being made or deleted meanwhile holds its lock.
  await house.records.change(async (change) => {
    removed.push(...(await change.sweep()));
    removed.push(...(await house.driver.cleanup(change.all().map((record) => drivenOf(house, record)))));
  });
  const ids = await idsIn([house.places.data, house.places.locks]);
  // Looked at after the directories: what was named in between is named.
  const named = new Set((await house.records.all()).map(({ id }) => id));
  for (const id of ids) {
    const directory = named.has(id) ? undefined : await removeOrphan(house, id);
    if (directory !== undefined) removed.push(directory);
  }
  return { removed };
}

async function idsIn(directories: readonly string[]): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (const directory of directories) {
    const names = await fs.readdir(directory).catch((error: unknown) => {
      throw fileError(error, directory);
    });
    for (const name of names) if (/^[a-z0-9]+$/.test(name)) ids.add(name);
  }
  return ids;
}

/** Removes a directory that no record names and nobody holds. @returns its path; undefined when there was nothing to do */
async function removeOrphan(house: SnapshotHouse, id: string): Promise<string | undefined> {
  await using lock = await tryLockFile(join(house.places.locks, id), "exclusive");
  // Whoever made it may have named it and gone home before the lock was ours.
  if (lock === undefined || (await isNamed(house, id))) return undefined;
  const directory = join(house.places.data, id);
  const isThere = await fs.lstat(directory).then(
    () => true,
    () => false,
  );
  await discard(house, { id, directory });
  return isThere ? directory : undefined;
}

async function isNamed({ records }: SnapshotHouse, id: string): Promise<boolean> {
  return await records.change(async (table) => table.hasId(id));
}
