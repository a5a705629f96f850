import { type Dirent, promises as fs } from "node:fs";
import { join } from "node:path";
import { mapConcurrent } from "../base/index.ts";
import { fileError } from "../content/index.ts";
import { type Digest, isDigest } from "../oci/index.ts";
import type { DriverName, SnapshotInfo, SnapshotKind, SnapshotUsage } from "./snapshotter.ts";

/** Small files: some at once hide the way to the disk. */
const PARALLEL_READS = 8;
const RECORD = ".json";
const KINDS: readonly SnapshotKind[] = ["active", "view", "committed"];

/** A snapshot as its record tells, without asking its snapshotter. */
export interface RecordedSnapshot extends SnapshotInfo {
  readonly driver: DriverName;
  /** Names its directory, `DRIVER/data/ID`. */
  readonly id: string;
  /** As it was when the snapshot was committed; undefined where the record does not say. */
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
 * Reads the records of all snapshots, whoever uses them meanwhile; no lock is taken and nothing of the kernel asked. A
 * snapshot that is made or removed meanwhile may or may not be told.
 * @param root holds a directory for each driver; need not exist
 * @throws StrataError as `fileError`
 */
export async function readSnapshotContent(root: string): Promise<SnapshotContent> {
  const drivers = (await entriesIn(root)).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const content = new Set<Digest>();
  const snapshots: RecordedSnapshot[] = [];
  const damaged: string[] = [];
  for (const driver of drivers) {
    const records = join(driver, "records");
    const names = (await entriesIn(join(root, records)))
      .map(({ name }) => name)
      .filter((name) => name.endsWith(RECORD));
    await mapConcurrent(names, PARALLEL_READS, async (name) => {
      const text = await readIfThere(join(root, records, name));
      if (text === undefined) return;
      const snapshot = parseRecord(text, driver as DriverName);
      if (snapshot === undefined) damaged.push(join(records, name));
      else snapshots.push(snapshot);
    });
  }
  for (const snapshot of snapshots) for (const digest of snapshot.content) content.add(digest);
  return { content, snapshots, damaged };
}

async function entriesIn(directory: string): Promise<Dirent[]> {
  return (
    (await fs.readdir(directory, { withFileTypes: true }).catch((error: unknown) => absent(error, directory))) ?? []
  );
}

async function readIfThere(path: string): Promise<string | undefined> {
  return await fs.readFile(path, "utf8").catch((error: unknown) => absent(error, path));
}

function absent(error: unknown, path: string): undefined {
  if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
  throw fileError(error, path);
}

/** Undefined for what no snapshotter has written. */
function parseRecord(text: string, driver: DriverName): RecordedSnapshot | undefined {
  try {
    const { id, name, kind, parent, labels, createdAt, updatedAt, content, usage } = JSON.parse(text);
    const isSound =
      [id, name].every((value) => typeof value === "string" && value !== "") &&
      KINDS.includes(kind) &&
      (parent === undefined || parent === null || typeof parent === "string") &&
      (content === undefined || (Array.isArray(content) && content.every(isDigest)));
    if (!isSound) return undefined;
    const times = { createdAt: Number(createdAt ?? 0), updatedAt: Number(updatedAt ?? 0) };
    return {
      driver,
      id,
      name,
      kind,
      parent: parent ?? undefined,
      labels: labels ?? {},
      ...times,
      content: content ?? [],
      usage,
    };
  } catch {
    return undefined;
  }
}
