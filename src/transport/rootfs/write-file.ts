import { closeSync, constants, ftruncateSync, openSync, statSync, writeSync } from "node:fs";
import { randomName } from "../../base/index.ts";
import { fileError } from "../../content/index.ts";
import { WriteBack } from "../../linux/index.ts";
import { openPartialFile } from "../partial-file.ts";

/** So many bytes go to the disk at once, while the next are made: the sync at the end is short then. */
const WRITE_BACK_BYTES = 4 * 1024 * 1024;
/** Creates, never opens; never through a symlink. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Writes a file that appears complete or not at all, over whatever file is there: it grows beside it, under a lock. A pipe or device
 * is written to as it is.
 *
 * @throws StrataError; nothing is left behind
 */
export async function writeFileAtomically(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  if (isPipeOrDevice(path)) return await writeInto(path, chunks);
  const file = await openPartialFile(path);
  await using _ = file;
  await writeChunks(file.handle.fd, path, chunks);
  await file.publish();
}

async function writeInto(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const file = openForWriting(path);
  try {
    await writeChunks(file, path, chunks);
  } finally {
    closeSync(file);
  }
}

function openForWriting(path: string): number {
  try {
    return openSync(path, constants.O_WRONLY);
  } catch (error) {
    throw fileError(error, path, "write");
  }
}

async function writeChunks(file: number, path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const writeBack = new WriteBack(file, WRITE_BACK_BYTES);
  let size = 0;
  try {
    for await (const chunk of chunks) {
      writeAll(file, chunk);
      size += chunk.length;
      writeBack.reached(size);
    }
  } catch (error) {
    throw fileError(error, path, "write");
  }
}

/** A name that nobody else picks, for something that will be renamed. */
export function temporaryName(): string {
  return `.strata-${randomName()}`;
}

/** Opens a new file for writing in a directory that is already known to be real. */
export function createFile(path: Buffer, mode: number): number {
  return openSync(path, NEW_FILE, mode);
}

/** Writes all bytes; `at` is where, undefined for a pipe, which has only one place. */
function writeAll(file: number, bytes: Uint8Array, at?: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, at === undefined ? null : at + done);
  }
}

const HOLE = 64 * 1024;
const ZEROS = Buffer.alloc(HOLE);

/** Writes a file's content from its beginning; long runs of zeros become holes. */
export async function writeContent(file: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  let at = 0;
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length; start += HOLE) {
      const part = chunk.subarray(start, start + HOLE);
      const isHole = part.length === HOLE && ZEROS.equals(part);
      if (!isHole) writeAll(file, part, at);
      at += part.length;
    }
  }
  ftruncateSync(file, at);
}

function isPipeOrDevice(path: string): boolean {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found !== undefined && !found.isFile() && !found.isDirectory();
  } catch (error) {
    throw fileError(error, path, "write");
  }
}
