import { StrataError } from "../base/index.ts";
import type { Digest } from "../oci/index.ts";
import { amountOf, collectGarbage } from "./collect-garbage.ts";
import { namesByRoot } from "./list-images.ts";
import type { RecordReader, RecordWriter } from "./metadata/records.ts";
import { withSpare } from "./spare.ts";
import type { Amount, PruneOptions, PruneReport } from "./store.ts";
import { listIndexes, removeIndexes } from "./store-index-cache.ts";
import type { StoreParts } from "./store-parts.ts";
import { driversOf } from "./stored-snapshots.ts";

/** Forgets images without a name (or all), broken transfers and stale indexes; then frees blobs. A dry run only tells. */
export async function pruneStore(parts: StoreParts, options: PruneOptions): Promise<PruneReport> {
  const { all = false, isDryRun = false, signal } = options;
  const metadata = await parts.metadata();
  const choose = (records: RecordReader): PruneReport["images"] => chooseImages(records, all);
  const images = isDryRun
    ? metadata.read(choose)
    : await withSpare(parts.layout, () => metadata.write((records) => forget(records, choose(records))));
  const ingests = await pruneIngests(parts, isDryRun);
  if (!isDryRun) await cleanUpSnapshots(parts);
  // Once they are gone, an image of the same root is a new one.
  const without = new Set<string>(isDryRun ? images.map(({ digest }) => digest) : []);
  const { blobs, snapshots } = await collectGarbage(parts, { isDryRun, signal, without });
  return { isDryRun, images, blobs, snapshots, ingests, indexes: await pruneIndexes(parts, { isDryRun, without }) };
}

function forget(records: RecordWriter, images: PruneReport["images"]): PruneReport["images"] {
  for (const { digest, names } of images) {
    records.remove("image", digest);
    for (const name of names) records.remove("name", name);
  }
  return images;
}

function chooseImages(records: RecordReader, all: boolean): PruneReport["images"] {
  const names = namesByRoot(records);
  return records
    .list("image")
    .map(([digest]) => ({ digest: digest as Digest, names: names.get(digest) ?? [] }))
    .filter((image) => all || image.names.length === 0);
}

/** Removes what processes that died left of snapshots which never were, or are no more. */
async function cleanUpSnapshots(parts: StoreParts): Promise<void> {
  const drivers = await driversOf(parts.layout);
  if (drivers.length === 0) return;
  const { freeLeftovers } = await import("../snapshot/index.ts");
  for (const driver of drivers) {
    const snapshotter = await parts.snapshotter(driver);
    await freeLeftovers([snapshotter], { root: parts.layout.snapshots });
    await snapshotter.cleanup();
  }
}

async function pruneIngests({ content }: StoreParts, isDryRun: boolean): Promise<Amount> {
  const sizes: number[] = [];
  for await (const { ref, offset, isActive } of content.ingests()) {
    if (isActive) continue;
    if (isDryRun || (await abort(content, ref))) sizes.push(offset);
  }
  return amountOf(sizes);
}

async function abort(content: StoreParts["content"], ref: string): Promise<boolean> {
  try {
    return await content.abortIngest(ref);
  } catch (error) {
    // Somebody goes on with it.
    if (error instanceof StrataError && error.code === "ingest-locked") return false;
    throw error;
  }
}

/** An index is stale when what it is about (a layer, a stack of layers, a blob) belongs to no image of the store. */
async function pruneIndexes(
  parts: StoreParts,
  { isDryRun, without }: { readonly isDryRun: boolean; readonly without: ReadonlySet<string> },
): Promise<Amount> {
  const metadata = await parts.metadata();
  const wanted = metadata.read((records) => subjectsOf(records, without));
  const stale = (await listIndexes(parts.layout)).filter(({ subject }) => !wanted.has(subject));
  if (!isDryRun) await removeIndexes(stale);
  return amountOf(stale.map(({ size }) => size));
}

function subjectsOf(records: RecordReader, without: ReadonlySet<string>): Set<string> {
  const subjects = new Set<string>();
  for (const [root, { parts, leaves }] of records.list("image")) {
    if (without.has(root)) continue;
    for (const { digest } of parts) subjects.add(digest);
    for (const leaf of leaves) {
      for (let id = leaf.chainId; id !== undefined && !subjects.has(`chain ${id}`); ) {
        const chain = records.get("chain", id);
        subjects.add(`chain ${id}`).add(id);
        if (chain !== undefined) subjects.add(chain.diffId);
        id = chain?.parent;
      }
    }
  }
  return subjects;
}
