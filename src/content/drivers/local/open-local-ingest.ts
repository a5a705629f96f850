import { constants, promises as fs } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { algorithmOf } from "../../../oci/index.ts";
import type { ExpectedBlob, Ingest, IngestOptions } from "../../content-store.ts";
import { mergeExpected } from "../../expected-blob.ts";
import { fileError } from "./file-error.ts";
import { HashingAppender } from "./hashing-appender.ts";
import { describeIngest, type IngestDirectory, ingestDirectory, readStatus, removeIngest } from "./ingest-directory.ts";
import { LocalIngest, type LockedIngest, type StoreDirectories } from "./local-ingest.ts";
import { lockIngest } from "./lock-ingest.ts";

/** See `BlobIngester.ingest`. */
export async function openLocalIngest(
  store: StoreDirectories,
  ref: string,
  { expected, options }: { readonly expected: ExpectedBlob; readonly options: IngestOptions },
): Promise<Ingest> {
  const directory = ingestDirectory(store.ingests, ref);
  const lock = await lockIngest(directory, ref, options);
  try {
    return await resumeIngest(store, { directory, lock, ref, expected }, options);
  } catch (error) {
    await tidyUp(directory).catch(() => {});
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

async function resumeIngest(
  store: StoreDirectories,
  locked: LockedIngest,
  { signal, startsOver = false }: IngestOptions,
): Promise<Ingest> {
  const { directory, ref } = locked;
  const before = startsOver ? undefined : await readStatus(directory, true);
  const merged = before === undefined ? undefined : mergeExpected(before.expected, locked.expected);
  const expected = merged ?? locked.expected;
  await describeIngest(directory, ref, expected);
  const handle = await openData(directory);
  try {
    const algorithm = expected.digest === undefined ? "sha256" : algorithmOf(expected.digest);
    const appender = new HashingAppender(handle, directory.data, algorithm);
    const { size } = await handle.stat();
    if (merged === undefined || size > (expected.size ?? Number.POSITIVE_INFINITY)) await appender.reset();
    else await appender.readBack(size, signal);
    return new LocalIngest(store, { ...locked, expected }, { handle, appender });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A commit that was cut short has left the file read-only, with nothing missing. */
async function openData({ data }: IngestDirectory): Promise<FileHandle> {
  const open = (): Promise<FileHandle> => fs.open(data, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    return await open().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EACCES") throw error;
      await fs.chmod(data, 0o600);
      return await open();
    });
  } catch (error) {
    throw fileError(error, data, "write");
  }
}

/** Leaves nothing of an ingest in which there is nothing to resume. */
async function tidyUp(directory: IngestDirectory): Promise<void> {
  const status = await readStatus(directory, true);
  if (status === undefined || status.offset === 0) await removeIngest(directory);
}
