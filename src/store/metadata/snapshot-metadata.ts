import { StrataError } from "../../base/index.ts";
import { metadataUnreadable } from "./metadata-error.ts";
import { isSameMoment, type Moment, momentOf, type Pair, readPairs } from "./read-pages.ts";
import type { Metadata, RecordKind, RecordReader, RecordTypes } from "./records.ts";

/** How keys spell which table a record is in. */
export const REVISION_KEY = "meta/revision";

/**
 * The tables as they are now, for a store that is opened for reading only: no lock is taken and no file made.
 * @param path the file of LMDB; a missing one has no records
 * @throws StrataError `store-metadata-unreadable`, also for a record that is not JSON
 */
export async function readSnapshot(path: string): Promise<Metadata> {
  const records = new PairRecords(readPairs(path).pairs, path);
  records.readAll();
  return snapshotOf(records, path);
}

/**
 * {@link readSnapshot} for a single look, at tables that are there: a record is read when it is asked for, and what was looked at
 * before is taken again while nobody writes. A record that is not JSON is an error only for who asks for it.
 */
export function glanceAt(path: string): Metadata {
  if (lastGlance?.path === path && isSameMoment(lastGlance.moment, momentOf(path))) return lastGlance.metadata;
  const { pairs, moment } = readPairs(path);
  lastGlance = { path, moment, metadata: snapshotOf(new PairRecords(pairs, path), path) };
  return lastGlance.metadata;
}

/** A program looks several times, and opens a store more than once, mostly without a change meanwhile. */
let lastGlance: { readonly path: string; readonly moment: Moment | undefined; readonly metadata: Metadata } | undefined;

function snapshotOf(records: RecordReader, path: string): Metadata {
  return {
    read: (action) => action(records),
    write: () => {
      throw readOnly(path);
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Records among pairs of keys and JSON. */
class PairRecords implements RecordReader {
  readonly #values: ReadonlyMap<string, Buffer>;
  readonly #path: string;
  readonly #known = new Map<string, unknown>();

  constructor(pairs: readonly Pair[], path: string) {
    this.#values = new Map(pairs.map(([key, value]) => [key.toString(), value]));
    this.#path = path;
  }

  get revision(): number {
    return (this.#at(REVISION_KEY) as number | undefined) ?? 0;
  }

  get<Kind extends RecordKind>(kind: Kind, key: string): RecordTypes[Kind] | undefined {
    return this.#at(`${kind}/${key}`) as RecordTypes[Kind] | undefined;
  }

  list<Kind extends RecordKind>(kind: Kind): readonly (readonly [key: string, record: RecordTypes[Kind]])[] {
    const prefix = `${kind}/`;
    return [...this.#values.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => [key.slice(prefix.length), this.#at(key) as RecordTypes[Kind]] as const);
  }

  /** @throws StrataError `store-metadata-unreadable` for a record that is not JSON */
  readAll(): void {
    for (const key of this.#values.keys()) this.#at(key);
  }

  #at(key: string): unknown {
    const value = this.#values.get(key);
    if (value === undefined || this.#known.has(key)) return this.#known.get(key);
    const record = this.#decode(key, value);
    this.#known.set(key, record);
    return record;
  }

  #decode(key: string, value: Buffer): unknown {
    try {
      return JSON.parse(value.toString());
    } catch (error) {
      throw metadataUnreadable(this.#path, `the record ${JSON.stringify(key)} is not JSON`, error);
    }
  }
}

/** The error for changes of a store that was opened for reading only. */
export function readOnly(path: string): StrataError {
  return new StrataError({
    code: "store-read-only",
    kind: "failed-precondition",
    message: `The store of ${path} is opened for reading only`,
    details: { path },
  });
}
