import { constants, promises as fs } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { assertNotAborted, randomFraction, StrataError, sleep } from "../../../base/index.ts";
import { tryLock } from "../../../linux/index.ts";
import { fileError } from "./file-error.ts";

/** The kernel tells nobody that a lock was released, so whoever waits looks again, ever more seldom. */
const FIRST_WAIT_MS = 4;
const LONGEST_WAIT_MS = 100;

/** A lock that is held. Disposing it, once or more, lets go; so does the end of the process, `kill -9` included. */
export interface FileLock extends AsyncDisposable {
  readonly path: string;
}

/** How a lock is asked for. */
export interface LockFileOptions {
  /** Wait for whoever holds it; otherwise fail at once. */
  readonly shouldWait?: boolean | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Locks a file or directory against other processes and against other callers in this one: many `shared` holders or one
 * `exclusive`. A file that is missing is made, empty. Advisory: only those who ask are kept out. The holder may unlink
 * the file; those who waited for it then lock the new one.
 * @throws StrataError `file-locked` (unavailable), `aborted`; as `fileError`, `file-not-found` without its directory
 */
export async function lockFile(
  path: string,
  mode: "shared" | "exclusive",
  { shouldWait = false, signal }: LockFileOptions = {},
): Promise<FileLock> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    assertNotAborted(signal);
    const lock = await tryLockFile(path, mode);
    if (lock !== undefined) return lock;
    if (!shouldWait) throw fileLocked(path);
    await sleep(wait * (0.5 + randomFraction()), signal);
  }
}

/** {@link lockFile} that neither waits nor fails: undefined while somebody else holds it. */
export async function tryLockFile(path: string, mode: "shared" | "exclusive"): Promise<FileLock | undefined> {
  for (;;) {
    const handle = await openForLock(path);
    const outcome = await lockHandle(handle, path, mode).catch(async (error: unknown) => {
      await handle.close();
      throw fileError(error, path, "write");
    });
    if (outcome === "locked") return { path, [Symbol.asyncDispose]: closeOnce(handle) };
    await handle.close();
    if (outcome === "held") return undefined;
  }
}

/** Whether somebody holds a lock on the file at this moment. Makes nothing: a file that is missing is not locked. */
export async function isFileLocked(path: string): Promise<boolean> {
  try {
    const handle = await fs.open(path, constants.O_RDONLY);
    try {
      return !tryLock(handle.fd, "exclusive");
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw fileError(error, path);
  }
}

/** `stale`: what was locked is no longer what the name leads to, because its last holder unlinked it. */
async function lockHandle(
  handle: FileHandle,
  path: string,
  mode: "shared" | "exclusive",
): Promise<"locked" | "held" | "stale"> {
  if (!tryLock(handle.fd, mode)) return "held";
  const [locked, named] = await Promise.all([
    handle.stat({ bigint: true }),
    fs.stat(path, { bigint: true }).catch(() => undefined),
  ]);
  return locked.ino === named?.ino && locked.dev === named.dev ? "locked" : "stale";
}

/** Network file systems grant an exclusive lock only to those who can write; directories can only be read. */
async function openForLock(path: string): Promise<FileHandle> {
  try {
    return await fs.open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
  } catch (error) {
    if (!["EISDIR", "EACCES", "EROFS"].includes((error as NodeJS.ErrnoException).code ?? "")) {
      throw fileError(error, path, "write");
    }
    return await fs.open(path, constants.O_RDONLY).catch((second: unknown) => {
      // Where it is missing and cannot be made, the first error says why.
      throw fileError((second as NodeJS.ErrnoException).code === "ENOENT" ? error : second, path, "write");
    });
  }
}

function closeOnce(handle: FileHandle): () => Promise<void> {
  let closed: Promise<void> | undefined;
  return async () => {
    closed ??= handle.close();
    await closed;
  };
}

function fileLocked(path: string): StrataError {
  return new StrataError({
    code: "file-locked",
    kind: "unavailable",
    message: `${path} is in use by another process`,
    details: { path },
    hint: "Wait until it has finished",
  });
}
