import { rmdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { StrataError } from "../../../base/index.ts";
import type { ContentStore, IngestStatus } from "../../content-store.ts";
import { listBlobs, openBlob, removeBlob, statBlob } from "./blob-directory.ts";
import {
  type IngestDirectory,
  ingestDirectories,
  ingestDirectory,
  readStatus,
  removeIngest,
} from "./ingest-directory.ts";
import { isFileLocked } from "./lock-file.ts";
import { lockIngest, tryLockIngest } from "./lock-ingest.ts";
import { openLocalIngest } from "./open-local-ingest.ts";
import { makeDirectoryDurably } from "./sync-directory.ts";

/** Where a store lies, and what may be done to it. */
export interface LocalContentStoreOptions {
  /** Holds `blobs/` as an OCI layout does and, while something is on its way in, `ingest/`. */
  readonly directory: string;
  /** Nothing is made, written or removed, not even the directory: what is asked for is `store-read-only`. */
  readonly isReadOnly?: boolean | undefined;
}

/**
 * A content store in a directory, which is made when it is missing. Any number of processes, and of stores in this one,
 * may use it at once: each ingest holds a lock of the kernel, which ends with the process; a blob is verified, synced
 * and only then named, so that no moment of a crash or a loss of power shows a wrong one.
 * @throws StrataError as `fileError`: `permission-denied`, `read-only-file-system`, `no-space` …
 */
export async function createLocalContentStore(options: LocalContentStoreOptions): Promise<ContentStore> {
  const { isReadOnly = false } = options;
  const directory = resolve(options.directory);
  const blobs = join(directory, "blobs");
  const ingests = join(directory, "ingest");
  if (!isReadOnly) await makeDirectoryDurably(blobs);
  const assertWritable = (): void => {
    if (isReadOnly) throw readOnly(directory);
  };
  return {
    directory,
    stat: (digest) => statBlob(blobs, digest),
    open: (digest) => openBlob(blobs, digest),
    list: () => listBlobs(blobs),
    async remove(digest) {
      assertWritable();
      return await removeBlob(blobs, digest);
    },
    async ingest(ref, expected = {}, ingestOptions = {}) {
      assertWritable();
      return await openLocalIngest({ blobs, ingests }, ref, { expected, options: ingestOptions });
    },
    ingests: () => listIngests(ingests, isReadOnly),
    async abortIngest(ref) {
      assertWritable();
      return await abortIngest(ingestDirectory(ingests, ref), ref);
    },
    async [Symbol.asyncDispose]() {
      if (isReadOnly) return;
      // Where nothing is on its way in, a plain OCI layout is left.
      try {
        rmdirSync(ingests);
      } catch {}
    },
  };
}

async function* listIngests(ingests: string, isReadOnly: boolean): AsyncGenerator<IngestStatus> {
  for (const directory of await ingestDirectories(ingests)) {
    const status = await inspect(directory, isReadOnly);
    if (status !== undefined) yield status;
  }
}

/** The state of one ingest. What a process that died between publishing a blob and tidying up left is removed. */
async function inspect(directory: IngestDirectory, isReadOnly: boolean): Promise<IngestStatus | undefined> {
  if (isReadOnly) return await readStatus(directory, await isFileLocked(directory.lock));
  const lock = await tryLockIngest(directory);
  if (lock === undefined) return await readStatus(directory, true);
  try {
    const status = await readStatus(directory, false);
    if (status === undefined) await removeIngest(directory);
    return status;
  } finally {
    await lock[Symbol.asyncDispose]();
  }
}

async function abortIngest(directory: IngestDirectory, ref: string): Promise<boolean> {
  if ((await readStatus(directory, false)) === undefined) return false;
  const lock = await lockIngest(directory, ref, {});
  try {
    const isThere = (await readStatus(directory, false)) !== undefined;
    await removeIngest(directory);
    return isThere;
  } finally {
    await lock[Symbol.asyncDispose]();
  }
}

function readOnly(directory: string): StrataError {
  return new StrataError({
    code: "store-read-only",
    kind: "failed-precondition",
    message: `The content store ${directory} was opened for reading only`,
    details: { path: directory },
  });
}
