import type { DiffId, Digest } from "../../oci/index.ts";
import type { CheckOptions } from "../fault.ts";
import { namesByRoot } from "../list-images.ts";
import type { Metadata, RecordReader } from "../metadata/records.ts";
import type { StoreParts } from "../store-parts.ts";

/** What one check knows while it goes from one kind of thing to the next. */
export interface CheckContext {
  readonly parts: StoreParts;
  readonly options: CheckOptions;
  /** The tables as they were when the check began; undefined when they cannot be read. */
  readonly tables: Metadata | undefined;
  /** Names of the images that need each blob, or their digests where there are none. */
  readonly users: ReadonlyMap<Digest, readonly string[]>;
  /** The sizes that documents give for a blob: filled while images are checked. */
  readonly sizes: Map<Digest, Set<number>>;
  /** The layers that blobs are said to hold: filled while images are checked. */
  readonly claims: Map<Digest, Set<DiffId>>;
}

/** Gathers what the tables say about blobs. */
export function createContext(parts: StoreParts, options: CheckOptions, tables: Metadata | undefined): CheckContext {
  const users = new Map<Digest, string[]>();
  tables?.read((records) => {
    const shown = namesShown(records);
    for (const [root, record] of records.list("image")) {
      for (const { digest } of record.parts) {
        const others = users.get(digest);
        if (others === undefined) users.set(digest, [...shown(root)]);
        else others.push(...shown(root));
      }
    }
  });
  return { parts, options, tables, users, sizes: new Map(), claims: new Map() };
}

/** How images are called in faults: by all their names, else by the digest of the root. */
export function namesShown(records: RecordReader): (root: string) => readonly string[] {
  const names = namesByRoot(records);
  return (root) => names.get(root) ?? [root];
}
