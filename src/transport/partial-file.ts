import { constants, promises as fs } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { randomName, StrataError } from "../base/index.ts";
import { fileError, syncDirectory } from "../content/index.ts";
import { tryLock } from "../linux/index.ts";

/** Creates, never opens. */
const NEW = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
/** Opens what is there without following it or waiting for it. */
const LEFT = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const LONGEST_NAME = 255;
/** How often somebody who puts things in our place is outlived. */
const ATTEMPTS = 10;

/**
 * A file that appears complete or not at all: it is written beside its place, synced, then renamed over what was there.
 *
 * Beside its place it is `.NAME.strata-partial` and locked, so that what a killed process left is removed by the next one that writes the
 * same file. Where somebody else has that name, it gets one that nobody has.
 */
export interface PartialFile extends AsyncDisposable {
  /** Empty at first. The file's own: nobody else closes it. */
  readonly handle: FileHandle;
  /** Makes the file durable and visible, once. @throws StrataError as `fileError` */
  publish(): Promise<void>;
  /** Removes what was not published. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Begins a file that is to appear at `path`. A symbolic link there stays and its target is replaced.
 * @throws StrataError `in-the-way` for a directory or a device; `file-not-found` without its directory; as `fileError`
 */
export async function openPartialFile(path: string): Promise<PartialFile> {
  const target = await realPathOf(path);
  const directory = dirname(target);
  try {
    const name = `.${basename(target)}.strata-partial`;
    const claimed = Buffer.byteLength(name) > LONGEST_NAME ? undefined : await claimFile(join(directory, name));
    if (claimed !== undefined) return partialFile(path, target, claimed);
    const own = join(directory, `.strata-${randomName()}`);
    return partialFile(path, target, { partial: own, handle: await fs.open(own, NEW, 0o666) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw directoryNotFound(path, error);
    throw fileError(error, path, "write");
  }
}

interface ClaimedFile {
  readonly partial: string;
  readonly handle: FileHandle;
}

function partialFile(path: string, target: string, { partial, handle }: ClaimedFile): PartialFile {
  let isOpen = true;
  const close = async (): Promise<void> => {
    isOpen = false;
    await handle.close();
  };
  return {
    handle,
    async publish() {
      try {
        await handle.sync();
        await fs.rename(partial, target);
      } catch (error) {
        throw fileError(error, path, "write");
      }
      await close();
      await syncDirectory(dirname(target));
    },
    async [Symbol.asyncDispose]() {
      if (!isOpen) return;
      await fs.rm(partial, { force: true }).catch(() => {});
      await close();
    },
  };
}

/** Makes a file for this process alone, locked as long as it is open. @returns undefined where others have that name */
async function claimFile(partial: string): Promise<ClaimedFile | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const handle = await openUnless("EEXIST", partial, NEW);
    if (handle === undefined) {
      if (!(await removeLeft(partial))) return undefined;
    } else if (await isOurs(handle, partial)) return { partial, handle };
    // Somebody took it for a left one before it was locked.
    else await handle.close();
  }
  return undefined;
}

async function openUnless(code: string, path: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await fs.open(path, flags, 0o666);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === code) return undefined;
    throw error;
  }
}

/** Whether nobody else has it locked, and its name still leads to it. */
async function isOurs(handle: FileHandle, path: string): Promise<boolean> {
  if (!isLockable(handle)) return false;
  const [opened, named] = [await handle.stat({ bigint: true }), await lstatIfThere(path)];
  return opened.isFile() && opened.ino === named?.ino && opened.dev === named.dev;
}

/** Some file systems have no locks. */
function isLockable({ fd }: FileHandle): boolean {
  try {
    return tryLock(fd, "exclusive");
  } catch {
    return false;
  }
}

/** Removes what a process left that is gone. @returns whether the name may be free now */
async function removeLeft(path: string): Promise<boolean> {
  try {
    const handle = await openUnless("ENOENT", path, LEFT);
    if (handle === undefined) return true;
    try {
      if (!(await isOurs(handle, path))) return (await lstatIfThere(path)) === undefined;
      await fs.unlink(path);
      return true;
    } finally {
      await handle.close();
    }
  } catch {
    // A link, a directory, somebody else's: it stays.
    return false;
  }
}

async function lstatIfThere(path: string) {
  try {
    return await fs.lstat(path, { bigint: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function realPathOf(path: string): Promise<string> {
  try {
    const stats = await fs.stat(path);
    if (stats.isFile()) return await fs.realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return path;
    throw fileError(error, path, "write");
  }
  throw new StrataError({
    code: "in-the-way",
    kind: "already-exists",
    message: `Cannot write ${path}: it is there and no regular file`,
    details: { path },
  });
}

function directoryNotFound(path: string, cause: unknown): StrataError {
  return new StrataError({
    code: "file-not-found",
    kind: "not-found",
    message: `Cannot write ${path}: its directory does not exist`,
    details: { path },
    cause,
  });
}
