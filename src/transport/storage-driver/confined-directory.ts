import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, readSync } from "node:fs";
import {
  assertNotAborted,
  type ByteSource,
  type ByteString,
  fromBuffer,
  fromText,
  StrataError,
  toBuffer,
  toText,
} from "../../base/index.ts";
import { fileError } from "../../content/index.ts";
import { cleanEntryName, joinPath } from "../../tree/index.ts";

/** The regular files below a directory, none of which lies anywhere else. */
export interface ConfinedDirectory {
  readonly path: string;
  /**
   * Opens a regular file; undefined when there is none of that name. A name that is itself a symlink is none; symlinks on
   * the way are followed as inside a chroot: `/` is this directory, and `..` ends there.
   *
   * @throws StrataError `path-escapes-root` (hostile) for a name that climbs out, `permission-denied` …
   */
  open(name: ByteString): Promise<ByteSource | undefined>;
}

const MAX_LINKS = 40;
const CHUNK_BYTES = 256 * 1024;
/** A pipe without a writer must not be waited for. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const ABSENCE = ["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "ENXIO"];

/** The files below `path`, which is taken as it is: links in it are the caller's. */
export function confinedDirectory(path: string): ConfinedDirectory {
  const root = fromText(path);
  /** Files come in the order of a tar: most lie in the directory of the one before. */
  let last: { readonly name: ByteString; readonly real: ByteString | undefined } = { name: "", real: "" };
  const realDirectory = (name: ByteString): ByteString | undefined => {
    if (last.name !== name) last = { name, real: resolveDirectory(root, name) };
    return last.real;
  };
  return {
    path,
    open: async (name) => {
      const clean = cleanEntryName(name);
      const slash = clean.lastIndexOf("/");
      const directory = realDirectory(slash < 0 ? "" : clean.slice(0, slash));
      if (directory === undefined) return undefined;
      return openRegular(`${root}/${joinPath(directory, clean.slice(slash + 1))}`);
    },
  };
}

/** Where a directory really lies below the root; undefined when nowhere. */
function resolveDirectory(root: ByteString, name: ByteString): ByteString | undefined {
  const wanted = name.split("/").reverse();
  const real: ByteString[] = [];
  let links = 0;
  for (let part = wanted.pop(); part !== undefined; part = wanted.pop()) {
    if (part === "..") real.pop();
    if (part === "" || part === "." || part === "..") continue;
    const path = [root, ...real, part].join("/");
    const target = linkTarget(path);
    if (target === undefined) return undefined;
    if (target === "") {
      real.push(part);
      continue;
    }
    if (++links > MAX_LINKS) return undefined;
    if (target.startsWith("/")) real.length = 0;
    wanted.push(...target.split("/").reverse());
  }
  return real.join("/");
}

/** Target of a symlink; `""` for a directory; undefined for anything else and for nothing. */
function linkTarget(path: ByteString): ByteString | undefined {
  try {
    const stats = lstatSync(toBuffer(path));
    if (stats.isSymbolicLink()) return fromBuffer(readlinkSync(toBuffer(path), { encoding: "buffer" }));
    return stats.isDirectory() ? "" : undefined;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw fileError(error, toText(path));
  }
}

function isAbsence(error: unknown): boolean {
  return ABSENCE.includes((error as NodeJS.ErrnoException).code ?? "");
}

function openRegular(path: ByteString): ByteSource | undefined {
  let file: number;
  try {
    file = openSync(toBuffer(path), OPEN_FLAGS);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw fileError(error, toText(path));
  }
  const stats = fstatSync(file);
  if (stats.isFile()) return descriptorSource(file, stats.size, path);
  closeSync(file);
  return undefined;
}

/** Reads without waiting: thousands of small files would spend their time in queues. */
function descriptorSource(file: number, size: number, path: ByteString): ByteSource {
  let isOpen = true;
  const read = (target: Uint8Array, offset: number): number => {
    assertOpen(isOpen, path);
    const wanted = Math.max(0, Math.min(target.length, size - offset));
    let done = 0;
    try {
      for (let count = 1; done < wanted && count > 0; done += count) {
        count = readSync(file, target, done, wanted - done, offset + done);
      }
    } catch (error) {
      throw fileError(error, toText(path));
    }
    return done;
  };
  return {
    size,
    readSync: read,
    read: async (target, offset) => read(target, offset),
    async *stream({ start = 0, end = size, signal } = {}) {
      const stop = Math.min(end, size);
      for (let offset = start; offset < stop; ) {
        assertNotAborted(signal);
        const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, stop - offset));
        const count = read(chunk, offset);
        if (count === 0) return;
        yield chunk.subarray(0, count);
        offset += count;
      }
    },
    [Symbol.asyncDispose]: async () => {
      if (isOpen) closeSync(file);
      isOpen = false;
    },
  };
}

function assertOpen(isOpen: boolean, path: ByteString): void {
  if (isOpen) return;
  throw new StrataError({
    code: "source-closed",
    kind: "internal",
    message: `Cannot read ${toText(path)}: it was closed before`,
  });
}
