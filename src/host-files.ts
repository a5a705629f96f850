import promises, { constants } from "node:fs/promises";
import { type ByteString, fromBuffer, fromText, toText } from "./base/index.ts";
import { type FsLike, rootedAt } from "./fs/index.ts";
import { dataRanges, isLinux, readXattr, xattrNames } from "./linux/index.ts";
import { blocksOfRuns, type SparseRun } from "./tar/index.ts";

/**
 * The files of this machine, as a file system that edits copy from: paths are absolute. Extended attributes and holes where the
 * system tells of them.
 */
export function hostFiles(): FsLike {
  if (!isLinux()) return rootedAt(promises, "");
  return rootedAt(promises, "", {
    listxattr: async (path) => xattrNames(bytesOf(path)).map((name) => toText(name)),
    getxattr: async (path, name) => readXattr(bytesOf(path), fromText(name)),
    dataRuns: dataRunsOf,
  });
}

/** What is put in a file's place meanwhile is not waited for. */
const READING = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

async function dataRunsOf(path: string | Uint8Array): Promise<readonly SparseRun[] | undefined> {
  const handle = await promises.open(Buffer.from(path), READING);
  try {
    const { size } = await handle.stat();
    const runs = Array.from(dataRanges(handle.fd, size), ({ start, end }) => ({ offset: start, length: end - start }));
    return blocksOfRuns(runs, size);
  } finally {
    await handle.close();
  }
}

function bytesOf(path: string | Uint8Array): ByteString {
  return fromBuffer(Buffer.from(path));
}
