import { type BigIntStats, closeSync, fstatSync, lstatSync } from "node:fs";
import { toBuffer } from "../base/index.ts";
import { makeDirectoryAt, type NameAt, openDirectoryAt, removeTreeAt, tryLock } from "../linux/index.ts";

/** How often somebody who puts things in our place is outlived. */
const ATTEMPTS = 10;

/**
 * Makes a directory for this process alone, locked as long as it is open; what a process left at its place that died, and
 * whatever else is there, is removed.
 * @returns its file descriptor, for the caller to close; `held` while another process has it; `impossible` where none can
 *   be made, removed or locked
 * @throws an errno error as Node's
 */
export function claimDirectory(place: NameAt): number | "held" | "impossible" {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const claimed = tryClaim(place);
    if (claimed !== "again") return claimed;
  }
  return "held";
}

/** Whether an open directory still has that name. */
export function hasName(fd: number, { directory, name }: NameAt): boolean {
  const path = Buffer.concat([Buffer.from(`/proc/self/fd/${directory}/`), toBuffer(name)]);
  const named = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return named !== undefined && isSameFile(named, fstatSync(fd, { bigint: true }));
}

/** Whether two are one inode. */
export function isSameFile(a: BigIntStats, b: BigIntStats): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

type Claim = ReturnType<typeof claimDirectory> | "again";

function tryClaim(place: NameAt): Claim {
  try {
    const isMade = makeUnlessThere(place);
    const fd = openDirectoryOnly(place);
    return fd === undefined ? "again" : lockClaimed(fd, place, isMade);
  } catch (error) {
    if (IMPOSSIBLE.has(codeOf(error))) return "impossible";
    throw error;
  }
}

/** What file systems, and users, cannot that can still write into a directory that is there. */
const IMPOSSIBLE: ReadonlySet<string> = new Set([
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOLCK",
  "ENOSYS",
]);

function lockClaimed(fd: number, place: NameAt, isMade: boolean): Claim {
  let claim: Claim = "again";
  try {
    if (!tryLock(fd, "exclusive")) claim = "held";
    // Whoever had it before may be done with it: then it has another name now, and its old one may be somebody else's.
    else if (hasName(fd, place)) {
      if (isMade) claim = fd;
      else removeTreeAt(place.directory, place.name);
    }
    return claim;
  } catch (error) {
    if (isMade) removeTreeAt(place.directory, place.name);
    throw error;
  } finally {
    if (claim !== fd) closeSync(fd);
  }
}

function makeUnlessThere({ directory, name }: NameAt): boolean {
  try {
    makeDirectoryAt(directory, name, 0o700);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Undefined when it is gone, or was something else, which goes. */
function openDirectoryOnly({ directory, name }: NameAt): number | undefined {
  try {
    return openDirectoryAt(directory, name);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOTDIR" || code === "ELOOP") removeTreeAt(directory, name);
    else if (code !== "ENOENT") throw error;
    return undefined;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}
