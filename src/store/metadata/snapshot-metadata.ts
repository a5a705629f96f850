import { StrataError } from "../../base/index.ts";
import { metadataUnreadable } from "./metadata-error.ts";
import { type Pair, readPairs } from "./read-pages.ts";
import type { Metadata, RecordKind, RecordReader, RecordTypes } from "./records.ts";

/** How keys spell which table a record is in. */
export const REVISION_KEY = "meta/revision";

/**
 * The tables as they are now, for a store that is opened for reading only: no lock is taken and no file made.
 * @param path the file of LMDB; a missing one has no records
 * @throws StrataError `store-metadata-unreadable`
 */
export async function readSnapshot(path: string): Promise<Metadata> {
  const records = new Map(readPairs(path).map((pair) => decodePair(pair, path)));
  const reader: RecordReader = {
    revision: (records.get(REVISION_KEY) as number | undefined) ?? 0,
    get: <Kind extends RecordKind>(kind: Kind, key: string) =>
      records.get(`${kind}/${key}`) as RecordTypes[Kind] | undefined,
    list: <Kind extends RecordKind>(kind: Kind) =>
      [...records]
        .filter(([key]) => key.startsWith(`${kind}/`))
        .map(([key, record]) => [key.slice(kind.length + 1), record as RecordTypes[Kind]] as const),
  };
  return {
    read: (action) => action(reader),
    write: () => {
      throw readOnly(path);
    },
    async [Symbol.asyncDispose]() {},
  };
}

function decodePair([key, value]: Pair, path: string): [string, unknown] {
  try {
    return [key.toString(), JSON.parse(value.toString())];
  } catch (error) {
    throw metadataUnreadable(path, `the record ${JSON.stringify(key.toString())} is not JSON`, error);
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
