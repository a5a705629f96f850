import { type BigIntStats, closeSync, constants, promises as fs, fstatSync, openSync, statSync } from "node:fs";
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

/**
 * {@link lockFile} that neither waits nor fails: undefined while somebody else holds it. The calls are synchronous: each
 * takes microseconds, less than handing it to a thread.
 */
export async function tryLockFile(path: string, mode: "shared" | "exclusive"): Promise<FileLock | undefined> {
  for (;;) {
    const fd = openForLock(path);
    const outcome = lockOrClose(fd, path, mode);
    if (outcome === "locked") return { path, [Symbol.asyncDispose]: closeOnce(fd) };
    closeSync(fd);
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

function lockOrClose(fd: number, path: string, mode: "shared" | "exclusive"): "locked" | "held" | "stale" {
  try {
    return lockOpen(fd, path, mode);
  } catch (error) {
    closeSync(fd);
    throw fileError(error, path, "write");
  }
}

/** `stale`: what was locked is no longer what the name leads to, because its last holder unlinked it. */
function lockOpen(fd: number, path: string, mode: "shared" | "exclusive"): "locked" | "held" | "stale" {
  if (!tryLock(fd, mode)) return "held";
  const locked = fstatSync(fd, { bigint: true });
  const named = statOrUndefined(path);
  return locked.ino === named?.ino && locked.dev === named.dev ? "locked" : "stale";
}

function statOrUndefined(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Network file systems grant an exclusive lock only to those who can write; directories can only be read. */
function openForLock(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
  } catch (error) {
    if (!["EISDIR", "EACCES", "EROFS"].includes((error as NodeJS.ErrnoException).code ?? "")) {
      throw fileError(error, path, "write");
    }
    return openForReading(path, error);
  }
}

/** Where it is missing and cannot be made, the first error says why. */
function openForReading(path: string, first: unknown): number {
  try {
    return openSync(path, constants.O_RDONLY);
  } catch (second) {
    throw fileError((second as NodeJS.ErrnoException).code === "ENOENT" ? first : second, path, "write");
  }
}

function closeOnce(fd: number): () => Promise<void> {
  let isOpen = true;
  return async () => {
    if (isOpen) closeSync(fd);
    isOpen = false;
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
