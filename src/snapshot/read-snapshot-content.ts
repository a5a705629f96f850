import { type Dirent, promises as fs } from "node:fs";
import { join } from "node:path";
import { fileError, lockFile } from "../content/index.ts";
import type { Digest } from "../oci/index.ts";
import { isRecordFile } from "./record-table.ts";
import { decodeRecord } from "./snapshot-record.ts";
import type { DriverName, SnapshotInfo, SnapshotUsage } from "./snapshotter.ts";

/** A snapshot as its record tells, without asking its snapshotter. */
export interface RecordedSnapshot extends SnapshotInfo {
  readonly driver: DriverName;
  /** Names its directory, `DRIVER/data/ID`. */
  readonly id: string;
  /** As it was when the snapshot was committed; undefined for others. */
  readonly usage: SnapshotUsage | undefined;
}

/** What the snapshots of all drivers below one directory need. */
export interface SnapshotContent {
  /** Blobs that some snapshot cannot do without. */
  readonly content: ReadonlySet<Digest>;
  readonly snapshots: readonly RecordedSnapshot[];
  /** Records that make no sense, by their paths below the directory: what they need nobody knows. */
  readonly damaged: readonly string[];
}

/**
 * Reads the records of all snapshots, those of each driver at one moment; nothing of the kernel is asked. Where this user
 * may not lock them, a snapshot that is made, committed or removed meanwhile may or may not be told.
 * @param root holds a directory for each driver; need not exist
 * @throws StrataError as `fileError`
 */
export async function readSnapshotContent(root: string): Promise<SnapshotContent> {
  const content = new Set<Digest>();
  const snapshots: RecordedSnapshot[] = [];
  const damaged: string[] = [];
  for (const entry of await entriesIn(root)) {
    if (!entry.isDirectory()) continue;
    const read = { driver: entry.name as DriverName, root };
    for (const found of await whileLocked(join(root, entry.name), () => readRecords(read))) {
      if (typeof found === "string") damaged.push(found);
      else snapshots.push(found);
    }
  }
  for (const snapshot of snapshots) for (const digest of snapshot.content) content.add(digest);
  return { content, snapshots, damaged };
}

/** The snapshots of a driver, and the paths of records that make no sense. */
async function readRecords({ driver, root }: Place): Promise<readonly (RecordedSnapshot | string)[]> {
  const directory = join(driver, "records");
  const found: (RecordedSnapshot | string)[] = [];
  for (const { name: fileName } of await entriesIn(join(root, directory))) {
    if (!isRecordFile(fileName)) continue;
    const path = join(root, directory, fileName);
    const text = await fs.readFile(path, "utf8").catch((error: unknown) => absent(error, path));
    if (text !== undefined) found.push(parse(text, { path, fileName, driver }) ?? join(directory, fileName));
  }
  return found;
}

interface Place {
  readonly driver: DriverName;
  readonly root: string;
}

/** Undefined for what no snapshotter has written. */
function parse(
  text: string,
  { driver, ...file }: { readonly driver: DriverName; readonly path: string; readonly fileName: string },
): RecordedSnapshot | undefined {
  try {
    const { id, info, usage } = decodeRecord(text, file);
    return { ...info, driver, id, usage };
  } catch {
    return undefined;
  }
}

/** Whoever may only read can still look. A lock that is not there is not made. */
async function whileLocked<T>(directory: string, body: () => Promise<T>): Promise<T> {
  const path = join(directory, "lock");
  const isThere = (await fs.stat(path).catch((error: unknown) => absent(error, path))) !== undefined;
  if (!isThere) return await body();
  await using _ = await lockFile(path, "shared", { shouldWait: true });
  return await body();
}

async function entriesIn(directory: string): Promise<Dirent[]> {
  return (
    (await fs.readdir(directory, { withFileTypes: true }).catch((error: unknown) => absent(error, directory))) ?? []
  );
}

function absent(error: unknown, path: string): undefined {
  if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
  throw fileError(error, path);
}
