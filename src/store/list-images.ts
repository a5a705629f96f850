import type { Digest } from "../oci/index.ts";
import { missingParts, rootOf } from "./image-graph.ts";
import type { ImageRecord, RecordReader } from "./metadata/records.ts";
import type { StoredImage } from "./store.ts";

/** All images as the tables have them, from one moment. */
export function listImages(records: RecordReader): StoredImage[] {
  const names = namesByRoot(records);
  const images = records.list("image");
  const users = countUsers(images);
  return images.map(([digest, record]) => describeImage(record, names.get(digest) ?? [], users)).sort(byName);
}

/** The names of each root, sorted. */
export function namesByRoot(records: RecordReader): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const [name, { digest }] of records.list("name")) {
    const others = names.get(digest);
    if (others === undefined) names.set(digest, [name]);
    else others.push(name);
  }
  return names;
}

/** How many images name each blob, and whether it is here: a blob may have come after the record of one of them. */
interface Users {
  readonly counts: ReadonlyMap<Digest, number>;
  readonly here: ReadonlySet<Digest>;
}

function countUsers(images: readonly (readonly [string, ImageRecord])[]): Users {
  const counts = new Map<Digest, number>();
  const here = new Set<Digest>();
  for (const [, { parts }] of images) {
    for (const { digest, isHere } of parts) {
      counts.set(digest, (counts.get(digest) ?? 0) + 1);
      if (isHere) here.add(digest);
    }
  }
  return { counts, here };
}

function describeImage(record: ImageRecord, names: readonly string[], { counts, here }: Users): StoredImage {
  const { parts, leaves } = record;
  let size = 0;
  let sharedSize = 0;
  for (const part of parts) {
    if (!here.has(part.digest)) continue;
    size += part.size;
    if ((counts.get(part.digest) ?? 0) > 1) sharedSize += part.size;
  }
  return {
    names,
    descriptor: rootOf(record),
    configDigest: leaves.length === 1 ? leaves[0]?.config : undefined,
    platforms: leaves.flatMap(({ platform }) => platform ?? []),
    created: leaves[0]?.created,
    size,
    sharedSize,
    isComplete: missingParts(record).every(({ digest }) => here.has(digest)),
  };
}

/** Names in the order of their code units; what has none comes last, by its digest. */
function byName(one: StoredImage, other: StoredImage): number {
  const [a, b] = [one.names[0], other.names[0]];
  if (a === undefined && b === undefined) return one.descriptor.digest < other.descriptor.digest ? -1 : 1;
  if (a === undefined || b === undefined) return a === undefined ? 1 : -1;
  return a < b ? -1 : 1;
}
