import type { Digest } from "../oci/index.ts";
import type { RecordedSnapshot } from "../snapshot/index.ts";
import { amountOf } from "./collect-garbage.ts";
import { wantedChains } from "./collect-snapshots.ts";
import { neededBy } from "./image-graph.ts";
import { listImages } from "./list-images.ts";
import type { RecordReader } from "./metadata/records.ts";
import { sizesBelow } from "./sizes-below.ts";
import type { Amount, DiskUsage } from "./store.ts";
import { listIndexes } from "./store-index-cache.ts";
import type { StoreLayout } from "./store-layout.ts";
import type { StoreParts } from "./store-parts.ts";
import { readSnapshots, sizeOfSnapshot, unwantedSnapshots } from "./stored-snapshots.ts";

/** What takes how much in the store, as the tables and the files tell; nothing is locked. */
export async function diskUsage(parts: StoreParts): Promise<DiskUsage> {
  const metadata = await parts.metadata();
  const { images, named, chains, layers, diffIds } = metadata.read((records) => ({
    images: listImages(records),
    diffIds: records.list("layer").map(([diffId]) => diffId as Digest),
    ...usersOf(records),
  }));
  const unpacked = await readSnapshots(parts.layout);
  const measured = await measure(parts.layout, unpacked.snapshots);
  const unwanted = new Set(unwantedSnapshots(unpacked.snapshots, ({ name }) => chains.has(name)));
  for (const { snapshot } of measured) {
    if (!unwanted.has(snapshot)) for (const digest of snapshot.content) named.add(digest);
  }
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
    unpackedLayers: amountOf(
      [...new Set([...diffIds, ...unpacked.content])]
        .filter((tar) => !layers.has(tar))
        .flatMap((tar) => blobs.get(tar) ?? []),
    ),
    snapshots: byDriver(measured),
    sharedLayers: hereAs((users) => users > 1),
    ingests: amountOf(ingests),
    indexes: amountOf((await listIndexes(parts.layout)).map(({ size }) => size)),
    quarantine: amountOf(await sizesBelow(parts.layout.quarantine)),
    reclaimable:
      abandoned +
      sum(unnamed) +
      sum(measured.flatMap(({ snapshot, bytes }) => (unwanted.has(snapshot) ? [bytes] : []))),
  };
}

/** Which blobs and chains a named image needs, and how many images need each layer. */
function usersOf(records: RecordReader): {
  named: Set<Digest>;
  chains: ReadonlySet<string>;
  layers: Map<Digest, number>;
} {
  const roots = new Set(records.list("name").map(([, { digest }]) => digest));
  const named = new Set<Digest>();
  const layers = new Map<Digest, number>();
  const dangling = new Set<string>();
  for (const [root, record] of records.list("image")) {
    if (roots.has(root as Digest)) for (const digest of neededBy(record)) named.add(digest);
    else dangling.add(root);
    for (const { digest, role } of record.parts) {
      if (role === "layer" || role === "foreign-layer") layers.set(digest, (layers.get(digest) ?? 0) + 1);
    }
  }
  return { named, chains: wantedChains(records, dangling), layers };
}

interface MeasuredSnapshot {
  readonly snapshot: RecordedSnapshot;
  readonly bytes: number;
}

async function measure(
  layout: StoreLayout,
  snapshots: readonly RecordedSnapshot[],
): Promise<readonly MeasuredSnapshot[]> {
  const measured: MeasuredSnapshot[] = [];
  for (const snapshot of snapshots) measured.push({ snapshot, bytes: await sizeOfSnapshot(layout, snapshot) });
  return measured;
}

function byDriver(measured: readonly MeasuredSnapshot[]): DiskUsage["snapshots"] {
  const drivers = [...new Set(measured.map(({ snapshot }) => snapshot.driver))].sort();
  return drivers.map((driver) => ({
    driver,
    ...amountOf(measured.filter(({ snapshot }) => snapshot.driver === driver).map(({ bytes }) => bytes)),
  }));
}

const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);
