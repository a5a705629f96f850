import { promises as fs } from "node:fs";
import { join } from "node:path";
import { StrataError } from "../../base/index.ts";
import { lockFile } from "../../content/index.ts";
import type { Digest } from "../../oci/index.ts";
import type { CheckOptions, Fault, FaultCode, Repair } from "../fault.ts";
import { readGraph, rootHere } from "../image-graph.ts";
import { readLeases } from "../lease.ts";
import type { ImageRecord } from "../metadata/records.ts";
import { readNamesCopy, writeNamesCopy } from "../names-copy.ts";
import { saveImage } from "../save-image.ts";
import type { StoreParts } from "../store-parts.ts";
import { isLayer, readSnapshots, snapshotPath, standingOn } from "../stored-snapshots.ts";
import { sweepTables } from "../sweep-tables.ts";
import { checkStore, tablesTrouble } from "./check-store.ts";
import { missingImage } from "./missing-image.ts";
import { quarantine } from "./quarantine.ts";
import { rebuildTables } from "./rebuild-tables.ts";

/**
 * Checks the store and mends each fault as it is found; what was made or moved by then stays so when it is broken off.
 * Left alone: transfers that can go on, and garbage, which are for prune; what was published with its faults.
 */
export async function* repairStore(parts: StoreParts, options: CheckOptions): AsyncGenerator<Repair> {
  const fault = await tablesTrouble(parts);
  if (fault !== undefined) yield { fault, action: "re-derived", movedTo: await rebuildTables(parts), pullAgain: [] };
  let count = 0;
  for await (const found of checkStore(parts, options)) {
    const repair = await mend(parts, found);
    if (repair === undefined) continue;
    count++;
    yield repair;
  }
  if (count > 0) await deriveAnew(parts);
}

/** What helps against each fault. `re-derive` is done for all at the end, `pull` and `nothing` are for people. */
type Cure =
  | "quarantine"
  | "remove"
  | "remove-snapshot"
  | "release"
  | "find-image"
  | "re-derive"
  | "pull"
  | "nothing"
  | "prune";

const CURES: Readonly<Record<FaultCode, Cure>> = {
  "metadata-unreadable": "nothing",
  "names-copy-differs": "re-derive",
  "name-without-image": "find-image",
  "root-missing": "pull",
  "document-unreadable": "nothing",
  "record-differs": "re-derive",
  "layer-table-differs": "re-derive",
  "blob-missing": "pull",
  "compressed-missing": "re-derive",
  "blob-corrupt": "quarantine",
  "blob-unreadable": "quarantine",
  "blob-size-differs": "nothing",
  "diffid-mismatch": "nothing",
  "layer-unreadable": "nothing",
  "unreferenced-blob": "prune",
  "snapshot-record-damaged": "quarantine",
  "snapshot-parent-missing": "pull",
  "snapshot-tar-missing": "pull",
  "snapshot-image-damaged": "remove",
  "snapshot-differs": "remove-snapshot",
  "index-entry-corrupt": "remove",
  "stray-file": "quarantine",
  "leftover-file": "remove",
  "abandoned-ingest": "prune",
  "dead-lease": "release",
};

/** Undefined where a repair has nothing to say: that is for prune. */
async function mend(parts: StoreParts, fault: Fault): Promise<Repair | undefined> {
  const { root } = parts.layout;
  const path = fault.path ?? "";
  switch (CURES[fault.code]) {
    case "quarantine":
      return { fault, action: "quarantined", movedTo: await quarantine(parts.layout, path), pullAgain: fault.images };
    case "remove":
      await fs.rm(join(root, path), { recursive: true, force: true });
      return { fault, action: "removed", pullAgain: [] };
    case "remove-snapshot":
      return { fault, action: (await removeSnapshotAt(parts, path)) ? "removed" : "none", pullAgain: [] };
    case "release":
      await removeDeadLeases(parts);
      return { fault, action: "removed", pullAgain: [] };
    case "find-image":
      return { fault, action: "re-derived", pullAgain: (await findImageOfName(parts, fault)) ? [] : fault.images };
    case "re-derive":
      return { fault, action: "re-derived", pullAgain: [] };
    case "pull":
      return { fault, action: "none", pullAgain: fault.images };
    case "nothing":
      return { fault, action: "none", pullAgain: [] };
    case "prune":
      return undefined;
  }
}

async function removeDeadLeases({ layout }: StoreParts): Promise<void> {
  await using _ = await lockFile(layout.sweepLock, "exclusive", { shouldWait: true });
  await readLeases(layout);
}

/**
 * Removes a snapshot and the layers on top of it, all of which can be made again; nothing where somebody needs one of them.
 * @returns whether it is gone
 */
async function removeSnapshotAt(parts: StoreParts, path: string): Promise<boolean> {
  const { snapshots } = await readSnapshots(parts.layout);
  const damaged = snapshots.find((snapshot) => snapshotPath(snapshot) === path);
  if (damaged === undefined) return true;
  const all = standingOn(snapshots, damaged);
  if (!all.every(isLayer)) return false;
  const snapshotter = await parts.snapshotter(damaged.driver);
  try {
    for (const { name } of all) await snapshotter.remove(name);
    return true;
  } catch (error) {
    if (error instanceof StrataError && error.kind === "failed-precondition") return false;
    throw error;
  }
}

/** Looks for the image of a name in the copy of the names too; one that is nowhere becomes an image that is missing. */
async function findImageOfName(parts: StoreParts, { name = "" }: Fault): Promise<boolean> {
  const { content, place, layout } = parts;
  const metadata = await parts.metadata();
  const written = metadata.read((records) => records.get("name", name));
  if (written === undefined) return true;
  const copied = (await readNamesCopy(layout.root))?.get(name);
  for (const root of [written, ...(copied === undefined ? [] : [copied])]) {
    const graph = await readGraph(place, content, root).catch(() => undefined);
    if (graph === undefined) continue;
    metadata.write((records) => saveImage(records, graph, [name]));
    return true;
  }
  metadata.write((records) => records.put("image", written.digest, missingImage(written)));
  return false;
}

/** Derives all tables anew from what is here now, and the copy of the names from the tables. */
async function deriveAnew(parts: StoreParts): Promise<void> {
  const metadata = await parts.metadata();
  for (const [root, record] of metadata.read((records) => records.list("image"))) {
    const descriptor = await rootHere(parts, root, record);
    const graph = await readGraph(parts.place, parts.content, descriptor).catch(() => undefined);
    const still = graph === undefined ? await lookAgain(parts, record) : undefined;
    metadata.write((records) => {
      if (records.get("image", root) === undefined) return;
      if (graph !== undefined) saveImage(records, graph, []);
      else if (still !== undefined) records.put("image", root, still);
    });
  }
  metadata.write(sweepTables);
  metadata.write((records) => writeNamesCopy(parts.layout.root, records.list("name")));
}

/** The record of an image whose documents cannot be read: the same, with what is here now. */
async function lookAgain({ content }: StoreParts, record: ImageRecord): Promise<ImageRecord> {
  const isHere = async (digest: Digest, size: number): Promise<boolean> => (await content.stat(digest))?.size === size;
  // A tar that stands for a layer stays named, here or not: without the documents nobody could say it again.
  const parts = await Promise.all(
    record.parts.map(async (part) => ({ ...part, isHere: await isHere(part.digest, part.size) })),
  );
  return { ...record, parts };
}
