import { closeSync, promises as fs, fsync, openSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
import { fileError } from "./file-error.ts";

/** File systems that cannot sync a directory say one of these. */
const CANNOT = new Set(["EINVAL", "ENOTSUP", "EPERM", "EISDIR"]);

/** Only the disk is waited for on another thread: opening and closing take microseconds. */
const syncFile = promisify(fsync);

/**
 * Makes the names in a directory durable: files that were made, renamed or removed in it stay so after a loss of power.
 * Their bytes are another matter. @throws StrataError as `fileError`
 */
export async function syncDirectory(path: string): Promise<void> {
  try {
    const fd = openSync(path, "r");
    try {
      await syncFile(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (!CANNOT.has((error as NodeJS.ErrnoException).code ?? "")) throw fileError(error, path, "write");
  }
}

/**
 * Makes a directory and those above it that are missing, durable when it resolves. It may be there already.
 * @throws StrataError as `fileError`
 */
export async function makeDirectoryDurably(path: string): Promise<void> {
  for (const made of await makeDirectories(resolve(path))) await syncDirectory(dirname(made));
}

/**
 * Makes a directory and those above it that are missing; gives those that were made, the outermost first. Node's own way
 * calls every failure in the middle ENOENT, that of a read-only disk too.
 * @throws StrataError as `fileError`
 */
export async function makeDirectories(path: string): Promise<string[]> {
  // Mostly it is there, and an error costs more than a look.
  if (isDirectory(path)) return [];
  try {
    await fs.mkdir(path);
    return [path];
  } catch (error) {
    if (isDirectory(path)) return [];
    // It was there a moment ago: whoever made it has removed it.
    if ((error as NodeJS.ErrnoException).code === "EEXIST" && (await isGone(path))) return await makeDirectories(path);
    const above = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || above === path) throw inTheWay(error, path);
    return [...(await makeDirectories(above)), ...(await makeDirectories(path))];
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return false;
  }
}

/** A link that leads nowhere is there. */
async function isGone(path: string): Promise<boolean> {
  return await fs.lstat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === "ENOENT",
  );
}

function inTheWay(error: unknown, path: string): unknown {
  const isFile = (error as NodeJS.ErrnoException).code === "EEXIST";
  return fileError(isFile ? Object.assign(new Error("not a directory"), { code: "ENOTDIR" }) : error, path, "write");
}
