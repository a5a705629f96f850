import { join } from "node:path";
import type { RootDatabase } from "lmdb";
import { makeDirectoryDurably, syncDirectory } from "../../content/index.ts";
import { metadataError } from "./metadata-error.ts";
import { assertMappable, PAGE_BYTES } from "./read-pages.ts";
import type { Metadata, NameRecord, RecordKind, RecordReader, RecordTypes, RecordWriter } from "./records.ts";
import { REVISION_KEY } from "./snapshot-metadata.ts";

/** The file of LMDB in its directory. */
export function dataFile(directory: string): string {
  return join(directory, "data.mdb");
}

/** What is done with all names inside of each transaction that changes one, before it is committed. */
export type OnNames = (names: readonly (readonly [name: string, record: NameRecord])[]) => void;

/**
 * Opens the tables in their directory, which is made; several times and from several processes at once.
 *
 * One transaction is one commit: `overlappingSync` is off, so LMDB syncs the pages, then writes the page that makes them
 * count, before a transaction returns. That costs a few milliseconds and lets "it resolved" mean "it is durable".
 * The lock between writers is the kernel's robust mutex: a process that dies inside a transaction leaves no trace.
 *
 * @throws StrataError `store-metadata-unreadable`; as `fileError`
 */
export async function openMetadata(directory: string, onNames: OnNames): Promise<Metadata> {
  await makeDirectoryDurably(directory);
  assertMappable(dataFile(directory));
  // Loaded only here: names that are no images of the store are told without it.
  const { open } = await import("lmdb");
  const database = translate(directory, () =>
    open<unknown, string>({
      path: directory,
      encoding: "json",
      noSubdir: false,
      overlappingSync: false,
      pageSize: PAGE_BYTES,
      maxDbs: 1,
    }),
  );
  // LMDB syncs its file, not the name of it.
  await syncDirectory(directory);
  return new LmdbMetadata(database, directory, onNames);
}

class LmdbMetadata implements Metadata {
  readonly #database: RootDatabase<unknown, string>;
  readonly #directory: string;
  readonly #onNames: OnNames;

  constructor(database: RootDatabase<unknown, string>, directory: string, onNames: OnNames) {
    this.#database = database;
    this.#directory = directory;
    this.#onNames = onNames;
  }

  read<Result>(action: (records: RecordReader) => Result): Result {
    return translate(this.#directory, () => {
      this.#database.resetReadTxn();
      return action(new LmdbRecords(this.#database));
    });
  }

  write<Result>(action: (records: RecordWriter) => Result): Result {
    return translate(this.#directory, () => {
      const results: Result[] = [];
      // The callback returns nothing: a promise of `put` would make the transaction wait for itself.
      this.#database.transactionSync(() => {
        const records = new LmdbRecords(this.#database);
        results.push(action(records));
        if (records.changed.size > 0) this.#database.putSync(REVISION_KEY, records.revision + 1);
        if (records.changed.has("name")) this.#onNames(records.list("name"));
      });
      return results[0] as Result;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database.close();
  }
}

class LmdbRecords implements RecordWriter {
  readonly changed = new Set<RecordKind>();
  readonly revision: number;
  readonly #database: RootDatabase<unknown, string>;

  constructor(database: RootDatabase<unknown, string>) {
    this.#database = database;
    this.revision = (database.get(REVISION_KEY) as number | undefined) ?? 0;
  }

  get<Kind extends RecordKind>(kind: Kind, key: string): RecordTypes[Kind] | undefined {
    return this.#database.get(`${kind}/${key}`) as RecordTypes[Kind] | undefined;
  }

  list<Kind extends RecordKind>(kind: Kind): [string, RecordTypes[Kind]][] {
    const prefix = `${kind}/`;
    const range = this.#database.getRange({ start: prefix, end: `${kind}0` });
    return Array.from(range, ({ key, value }) => [key.slice(prefix.length), value as RecordTypes[Kind]]);
  }

  put<Kind extends RecordKind>(kind: Kind, key: string, record: RecordTypes[Kind]): void {
    this.changed.add(kind);
    this.#database.putSync(`${kind}/${key}`, record);
  }

  remove(kind: RecordKind, key: string): void {
    if (this.#database.removeSync(`${kind}/${key}`)) this.changed.add(kind);
  }
}

function translate<Result>(directory: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw metadataError(error, dataFile(directory));
  }
}
