import {
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { randomName, StrataError } from "../../base/index.ts";
import { fileError, syncDirectory } from "../../content/index.ts";

/** Creates, never opens; never through a symlink. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Writes a file that appears complete or not at all: into a temporary neighbour, synced, then renamed over whatever file
 * is there. A symlink at `path` stays and its target is replaced; a pipe or device is written to as it is.
 *
 * @throws StrataError; nothing is left behind
 */
export async function writeFileAtomically(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const { target, isSpecial } = await targetOf(path);
  const writing = isSpecial ? target : join(dirname(target), temporaryName());
  try {
    const file = openSync(writing, isSpecial ? constants.O_WRONLY : NEW_FILE, 0o666);
    try {
      for await (const chunk of chunks) writeAll(file, chunk);
      if (!isSpecial) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (!isSpecial) {
      renameSync(writing, target);
      await syncDirectory(dirname(target));
    }
  } catch (error) {
    if (!isSpecial) rmSync(writing, { force: true });
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

async function targetOf(path: string): Promise<{ target: string; isSpecial: boolean }> {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return { target: path, isSpecial: false };
    if (found.isDirectory()) throw isDirectory(path);
    return { target: await realpath(path), isSpecial: !found.isFile() };
  } catch (error) {
    throw fileError(error, path, "write");
  }
}

function isDirectory(path: string): StrataError {
  return new StrataError({
    code: "in-the-way",
    kind: "already-exists",
    message: `Cannot write ${path}: it is a directory`,
    details: { path },
  });
}
