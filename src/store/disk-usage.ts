import { promises as fs } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../oci/index.ts";
import { amountOf } from "./collect-garbage.ts";
import { listImages } from "./list-images.ts";
import type { RecordReader } from "./metadata/records.ts";
import type { Amount, DiskUsage } from "./store.ts";
import { listIndexes } from "./store-index-cache.ts";
import type { StoreParts } from "./store-parts.ts";

/** What takes how much in the store, as the tables and the files tell; nothing is locked. */
export async function diskUsage(parts: StoreParts): Promise<DiskUsage> {
  const metadata = await parts.metadata();
  const { images, named, layers } = metadata.read((records) => ({ images: listImages(records), ...usersOf(records) }));
  const blobs = new Map<Digest, number>();
  for await (const { digest, size } of parts.content.list()) blobs.set(digest, size);
  const ingests: number[] = [];
  let abandoned = 0;
  for await (const { offset, isActive } of parts.content.ingests()) {
    ingests.push(offset);
    if (!isActive) abandoned += offset;
  }
  const unnamed = [...blobs].filter(([digest]) => !named.has(digest)).map(([, size]) => size);
  const hereAs = (isMeant: (users: number) => boolean): Amount =>
    amountOf(
      [...layers]
        .filter(([digest, users]) => blobs.has(digest) && isMeant(users))
        .map(([digest]) => blobs.get(digest) ?? 0),
    );
  return {
    images: amountOf(images.map(({ size }) => size)),
    dangling: amountOf(images.filter(({ names }) => names.length === 0).map(({ size }) => size)),
    blobs: amountOf([...blobs.values()]),
    layers: hereAs(() => true),
    sharedLayers: hereAs((users) => users > 1),
    ingests: amountOf(ingests),
    indexes: amountOf((await listIndexes(parts.layout)).map(({ size }) => size)),
    quarantine: await sizeOfTree(parts.layout.quarantine),
    reclaimable: abandoned + unnamed.reduce((sum, size) => sum + size, 0),
  };
}

/** Which blobs a named image needs, and how many images need each layer. */
function usersOf(records: RecordReader): { named: Set<Digest>; layers: Map<Digest, number> } {
  const roots = new Set(records.list("name").map(([, { digest }]) => digest));
  const named = new Set<Digest>();
  const layers = new Map<Digest, number>();
  for (const [root, { parts }] of records.list("image")) {
    for (const { digest, role } of parts) {
      if (roots.has(root as Digest)) named.add(digest);
      if (role === "layer" || role === "foreign-layer") layers.set(digest, (layers.get(digest) ?? 0) + 1);
    }
  }
  return { named, layers };
}

async function sizeOfTree(directory: string): Promise<Amount> {
  const entries = await fs.readdir(directory, { withFileTypes: true, recursive: true }).catch(() => []);
  const sizes: number[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const stats = await fs.stat(join(entry.parentPath, entry.name)).catch(() => undefined);
    if (stats !== undefined) sizes.push(stats.size);
  }
  return amountOf(sizes);
}
