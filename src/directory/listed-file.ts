import { closeSync, constants, fstatSync, openSync, read, readSync, type Stats } from "node:fs";
import { promisify } from "node:util";
import {
  assertNotAborted,
  type ByteSource,
  type ByteString,
  fromText,
  StrataError,
  toBuffer,
  toText,
} from "../base/index.ts";
import { fileError } from "../content/index.ts";
import { isLinux, openDirectory, openFileBeneath, sizeIfRegular } from "../linux/index.ts";

const readAsync = promisify(read);
/** Large enough that system calls do not count, small enough that a few in flight do not either. */
const CHUNK_BYTES = 512 * 1024;

/** A regular file of a listed directory: where it is, and how many bytes it had then. */
export interface ListedFile {
  /** The directory that was listed. */
  readonly directory: string;
  /** Relative to it. */
  readonly name: ByteString;
  readonly size: number;
}

/** A regular file, open for reading without waiting. The caller closes it. */
export interface OpenedFile {
  readonly fd: number;
  readonly size: number;
  /** Fills `target` from `offset`, up to the end of the file. @returns bytes read @throws StrataError `file-changed` */
  readSync(target: Uint8Array, offset: number): number;
  close(): void;
}

/**
 * Opens a file where it was listed. No symlink is followed below the directory, whoever puts one there meanwhile.
 * @throws StrataError `file-changed` when it has another size now, or is no regular file any more; as `fileError`
 */
export function openListedFile(file: ListedFile): OpenedFile {
  const fd = openBelow(file);
  try {
    assertUnchanged(fd, file);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return {
    fd,
    size: file.size,
    readSync: (target, offset) => readFully(fd, target, { file, offset }),
    close: () => closeSync(fd),
  };
}

/**
 * {@link openListedFile} as a source. A stream that comes to the end makes sure that the file has not grown.
 * @throws StrataError as {@link openListedFile}; when read, `file-changed`
 */
export function listedFileSource(file: ListedFile): ByteSource {
  const { fd, close, readSync: readNow } = openListedFile(file);
  let isOpen = true;
  const readLater = async (target: Uint8Array, offset: number): Promise<number> => {
    const wanted = wantedOf(target, offset, file.size);
    let done = 0;
    while (done < wanted) {
      const { bytesRead } = await readAsync(fd, target, done, wanted - done, offset + done).catch((error: unknown) => {
        throw fileError(error, pathOf(file));
      });
      if (bytesRead === 0) throw changed(file, offset + done);
      done += bytesRead;
    }
    return done;
  };
  return {
    size: file.size,
    readSync: readNow,
    read: readLater,
    async *stream({ start = 0, end = file.size, signal } = {}) {
      const stop = Math.min(end, file.size);
      for (let offset = start; offset < stop; offset += CHUNK_BYTES) {
        assertNotAborted(signal);
        const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, stop - offset));
        await readLater(chunk, offset);
        if (offset + chunk.length === file.size) assertUnchanged(fd, file);
        yield chunk;
      }
    },
    async [Symbol.asyncDispose]() {
      if (isOpen) close();
      isOpen = false;
    },
  };
}

/** {@link openListedFile} without a look at what came. */
export function openBelow(file: ListedFile): number {
  if (!isLinux())
    return openedAs(file, () => openSync(toBuffer(`${fromText(file.directory)}/${file.name}`), flagsHere()));
  return openedAs(file, () => {
    const root = openDirectory(file.directory);
    try {
      return openFileBeneath(root, file.name);
    } finally {
      closeSync(root);
    }
  });
}

/** What `open` gives. @throws StrataError that tells of the file why it cannot be opened, as {@link openListedFile} */
export function openedAs(file: ListedFile, open: () => number): number {
  try {
    return open();
  } catch (error) {
    if (GONE.has((error as NodeJS.ErrnoException).code ?? "")) throw changed(file, "gone");
    throw fileError(error, pathOf(file));
  }
}

/** It was there when it was listed: now it is not, or what led there does not any more. */
const GONE: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

function flagsHere(): number {
  // Windows has neither.
  return constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
}

function readFully(
  fd: number,
  target: Uint8Array,
  { file, offset }: { readonly file: ListedFile; readonly offset: number },
): number {
  const wanted = wantedOf(target, offset, file.size);
  let done = 0;
  while (done < wanted) {
    const count = readOnce(fd, target.subarray(done, wanted), { file, offset: offset + done });
    if (count === 0) throw changed(file, offset + done);
    done += count;
  }
  return done;
}

/** As `readSync`, at most as much as the target takes. @throws StrataError as `fileError` */
export function readOnce(
  fd: number,
  target: Uint8Array,
  { file, offset }: { readonly file: ListedFile; readonly offset: number },
): number {
  try {
    return readSync(fd, target, 0, target.length, offset);
  } catch (error) {
    throw fileError(error, pathOf(file));
  }
}

function wantedOf(target: Uint8Array, offset: number, size: number): number {
  return Math.max(0, Math.min(target.length, size - offset));
}

/** @throws StrataError `file-changed` unless the open file is still a regular file of that size */
export function assertUnchanged(fd: number, file: ListedFile): void {
  const size = isLinux() ? sizeIfRegular(fd) : sizeOfStats(fstatSync(fd));
  if (size !== file.size) throw changed(file, size ?? "other");
}

function sizeOfStats(stats: Stats): number | undefined {
  return stats.isFile() ? stats.size : undefined;
}

function pathOf({ directory, name }: ListedFile): string {
  return `${directory}/${toText(name)}`;
}

/** A file is not what was listed. @param now how large it is, or what became of it */
export function changed(file: ListedFile, now: number | "other" | "gone"): StrataError {
  const entry = toText(file.name);
  const state = typeof now === "number" ? `has ${now} bytes now` : STATES[now];
  return new StrataError({
    code: "file-changed",
    kind: "failed-precondition",
    message: `${entry} ${state} and had ${file.size} bytes when its directory was listed`,
    details: { entry, path: pathOf(file) },
    hint: "Try again when nothing writes to the directory",
  });
}

const STATES = { other: "is no regular file now", gone: "is not there now" } as const;
