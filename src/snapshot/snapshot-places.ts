import { chmodSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeDirectoryDurably } from "../content/index.ts";
import type { DriverName } from "./snapshotter.ts";

/** Where the snapshots of one driver lie. What a driver needs for itself lies beside. */
export interface SnapshotPlaces {
  readonly root: string;
  /** One JSON file for each snapshot. A snapshot exists exactly when its record does. */
  readonly records: string;
  /** One directory for each snapshot, by id; one that no record names belongs to whoever holds its lock, else to nobody. */
  readonly data: string;
  /** One empty file for each snapshot, by id, to be locked. */
  readonly locks: string;
  /** Locked while records change. Holds a random text, another one after each change. */
  readonly lock: string;
}

/** The places of a driver below the directory of all snapshots. Makes nothing. */
export function snapshotPlaces(root: string, driver: DriverName): SnapshotPlaces {
  const own = join(resolve(root), driver);
  const [records, data, locks, lock] = ["records", "data", "locks", "lock"].map((name) => join(own, name)) as [
    string,
    string,
    string,
    string,
  ];
  return { root: own, records, data, locks, lock };
}

/** Makes what is missing. Whoever is not the owner gets nowhere near the files of images, some of which are setuid. */
export async function makeSnapshotPlaces(places: SnapshotPlaces): Promise<void> {
  for (const directory of [places.records, places.data, places.locks]) await makeDirectoryDurably(directory);
  if ((statSync(places.data).mode & 0o777) !== 0o700) chmodSync(places.data, 0o700);
}
