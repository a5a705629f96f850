import { promises as fs } from "node:fs";
import { join } from "node:path";
import { isDigest } from "../oci/index.ts";
import type { DriverName, RecordedSnapshot, SnapshotContent } from "../snapshot/index.ts";
import { sizesBelow } from "./sizes-below.ts";
import type { StoreLayout } from "./store-layout.ts";

const NOTHING: SnapshotContent = { content: new Set(), snapshots: [], damaged: [] };

/** What is unpacked, as the records tell. Nothing of the room `snapshot` is loaded where nothing was ever unpacked. */
export async function readSnapshots({ snapshots }: StoreLayout): Promise<SnapshotContent> {
  const isThere = await fs.stat(snapshots).then(
    () => true,
    () => false,
  );
  if (!isThere) return NOTHING;
  const { readSnapshotContent } = await import("../snapshot/index.ts");
  return await readSnapshotContent(snapshots);
}

/** Where the files of a snapshot lie, relative to the root of the store. */
export function snapshotPath({ driver, id }: Pick<RecordedSnapshot, "driver" | "id">): string {
  return join("snapshots", driver, "data", id);
}

/** The drivers that have a directory in the store. Whoever died while it tried what the kernel can left another one there. */
export async function driversOf({ snapshots }: StoreLayout): Promise<readonly DriverName[]> {
  const names = await fs.readdir(snapshots).catch((): string[] => []);
  if (names.length === 0) return [];
  const { DRIVER_NAMES } = await import("../snapshot/index.ts");
  return DRIVER_NAMES.filter((driver) => names.includes(driver));
}

/**
 * Bytes that a snapshot takes by itself: as its record tells, else as its files do, sparse ones in full. The files are asked
 * too where there was nothing when it was committed: the index of a chain is made later.
 */
export async function sizeOfSnapshot(layout: StoreLayout, { driver, id, usage }: RecordedSnapshot): Promise<number> {
  if (usage !== undefined && usage.bytes > 0) return usage.bytes;
  return (await sizesBelow(join(layout.snapshots, driver, "data", id))).reduce((sum, size) => sum + size, 0);
}

/**
 * The snapshots that nobody needs, children before parents: committed under a chainID that is not wanted, with nothing
 * on top that stays. What has a name that is no chainID was made by hand, and stays.
 */
export function unwantedSnapshots(
  snapshots: readonly RecordedSnapshot[],
  isWanted: (snapshot: RecordedSnapshot) => boolean,
): readonly RecordedSnapshot[] {
  const byName = new Map(snapshots.map((snapshot) => [placeOf(snapshot.driver, snapshot.name), snapshot]));
  const staying = new Set<RecordedSnapshot>();
  for (const snapshot of snapshots) {
    if (isLayer(snapshot) && !isWanted(snapshot)) continue;
    for (const one of downFrom(snapshot, byName)) staying.add(one);
  }
  const depth = (snapshot: RecordedSnapshot): number => downFrom(snapshot, byName).length;
  return snapshots
    .filter((snapshot) => !staying.has(snapshot))
    .map((snapshot) => ({ snapshot, depth: depth(snapshot) }))
    .sort((one, other) => other.depth - one.depth)
    .map(({ snapshot }) => snapshot);
}

/** A snapshot with all that stands on it, children before parents. */
export function standingOn(
  snapshots: readonly RecordedSnapshot[],
  base: RecordedSnapshot,
): readonly RecordedSnapshot[] {
  const byName = new Map(snapshots.map((snapshot) => [placeOf(snapshot.driver, snapshot.name), snapshot]));
  const found = snapshots
    .map((snapshot) => ({ snapshot, below: downFrom(snapshot, byName) }))
    .filter(({ below }) => below.some(({ driver, id }) => driver === base.driver && id === base.id));
  return found.sort((one, other) => other.below.length - one.below.length).map(({ snapshot }) => snapshot);
}

/** Names of views and active snapshots that stand on one of these chains. */
export function holdersOf(snapshots: readonly RecordedSnapshot[], chains: ReadonlySet<string>): readonly string[] {
  const byName = new Map(snapshots.map((snapshot) => [placeOf(snapshot.driver, snapshot.name), snapshot]));
  const holders = snapshots.filter(
    (snapshot) => snapshot.kind !== "committed" && downFrom(snapshot, byName).some(({ name }) => chains.has(name)),
  );
  return holders.map(({ name }) => name as string).sort();
}

/** Committed under a chainID: made of an image's layers, as it can be again. */
export function isLayer({ kind, name }: RecordedSnapshot): boolean {
  return kind === "committed" && isDigest(name);
}

function placeOf(driver: string, name: string): string {
  return `${driver} ${name}`;
}

/** A snapshot and all that it stands on. */
function downFrom(top: RecordedSnapshot, byName: ReadonlyMap<string, RecordedSnapshot>): RecordedSnapshot[] {
  const stack = new Set<RecordedSnapshot>();
  for (let at: RecordedSnapshot | undefined = top; at !== undefined && !stack.has(at); ) {
    stack.add(at);
    at = at.parent === undefined ? undefined : byName.get(placeOf(at.driver, at.parent));
  }
  return [...stack];
}
