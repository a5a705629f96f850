import type { DiffId, Digest } from "../../oci/index.ts";
import type { SnapshotContent } from "../../snapshot/index.ts";
import type { CheckOptions } from "../fault.ts";
import { chainsOf, neededBy } from "../image-graph.ts";
import { namesByRoot } from "../list-images.ts";
import type { ImageRecord, Metadata, RecordReader } from "../metadata/records.ts";
import type { StoreParts } from "../store-parts.ts";
import { readSnapshots } from "../stored-snapshots.ts";

/** What one check knows while it goes from one kind of thing to the next. */
export interface CheckContext {
  readonly parts: StoreParts;
  readonly options: CheckOptions;
  /** The tables as they were when the check began; undefined when they cannot be read. */
  readonly tables: Metadata | undefined;
  /** What is unpacked, as the records told when the check began. */
  readonly unpacked: SnapshotContent;
  /**
   * Names of the images that need each blob, or their digests where there are none; of a tar that only snapshots need, the
   * images that have the layer, if any.
   */
  readonly users: ReadonlyMap<Digest, readonly string[]>;
  /** The sizes that documents give for a blob: filled while images are checked. */
  readonly sizes: Map<Digest, Set<number>>;
  /** The layers that blobs are said to hold: filled while images are checked. */
  readonly claims: Map<Digest, Set<DiffId>>;
  /** Blobs that are not what they should be: filled while blobs are checked. */
  readonly damaged: Set<Digest | undefined>;
}

/** Gathers what the tables say about blobs. */
export async function createContext(
  parts: StoreParts,
  options: CheckOptions,
  tables: Metadata | undefined,
): Promise<CheckContext> {
  const unpacked = await readSnapshots(parts.layout);
  const users = new Map<Digest, string[]>([...unpacked.content].map((digest) => [digest, []]));
  tables?.read((records) => {
    const shown = namesShown(records);
    for (const [root, record] of records.list("image")) {
      for (const digest of new Set([...neededBy(record), ...unpackedOf(records, record, unpacked.content)])) {
        const others = users.get(digest);
        if (others === undefined) users.set(digest, [...shown(root)]);
        else others.push(...shown(root));
      }
    }
  });
  return { parts, options, tables, unpacked, users, sizes: new Map(), claims: new Map(), damaged: new Set() };
}

/** The tars of an image's layers that snapshots need. */
function unpackedOf(records: RecordReader, record: ImageRecord, content: ReadonlySet<Digest>): Digest[] {
  return chainsOf(records, record)
    .map(({ diffId }) => diffId as string as Digest)
    .filter((tar) => content.has(tar));
}

/** How images are called in faults: by all their names, else by the digest of the root. */
export function namesShown(records: RecordReader): (root: string) => readonly string[] {
  const names = namesByRoot(records);
  return (root) => names.get(root) ?? [root];
}
