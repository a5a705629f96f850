import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  assertNotAborted,
  type ByteString,
  fromBuffer,
  fromText,
  timeOfNanoseconds,
  toBuffer,
  toText,
} from "../base/index.ts";
import { fileError } from "../content/index.ts";
import {
  dataRanges,
  decodeDevice,
  makeLinkAt,
  makeSpecialFile,
  openDirectory,
  openDirectoryBeneath,
  readXattrs,
  setFileTimes,
  writeXattr,
} from "../linux/index.ts";
import { baseNameOf, joinPath, parentOf } from "../tree/index.ts";
import { type Entered, enter, leave, type Reach, reach, within } from "./reach.ts";

/** So many files until others get a turn. */
const FILES_A_TURN = 200;
const BUFFER_BYTES = 1 << 20;
/** Of the kernel, the NUL included. */
const PATH_MAX = 4096;

interface Copying {
  readonly roots: { readonly from: string; readonly to: string };
  /** First copy of each file that has several names, by inode: its path below the root. */
  readonly links: Map<string, ByteString>;
  readonly signal: AbortSignal | undefined;
  /** Whether the file system shares blocks between files, as far as is known. */
  canClone: boolean;
  files: number;
}

/** A directory that is being copied. */
interface OpenPair {
  readonly from: Reach;
  readonly to: Reach;
  readonly source: Entered;
  readonly target: Entered;
  /** Below both roots. */
  readonly path: ByteString;
  readonly stats: BigIntStats;
  /** Those in it that are not copied yet. */
  readonly names: Buffer[];
}

/**
 * Copies a directory and all below it, however deep: hardlinks, owners, modes, extended attributes, times to the nanosecond,
 * devices and holes; nothing is followed. Blocks are shared where the file system can. Sockets are left out. Owners and
 * attributes that this user may not set are left as they come. Not synced.
 * @param to is made, and must not be there
 * @throws StrataError as `fileError`; what was copied stays; `aborted`
 */
export async function copyTree(
  from: string,
  to: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const copying: Copying = { roots: { from, to }, links: new Map(), signal, canClone: true, files: 0 };
  const open: OpenPair[] = [];
  let at: ByteString = "";
  try {
    open.push(beginDirectory({ from: reach(from), to: reach(to), path: "" }));
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const name = top.names.pop();
      at = name === undefined ? top.path : joinPath(top.path, fromBuffer(name));
      if (name === undefined) endDirectory(open.pop() as OpenPair);
      else {
        const inside = copyName(top, { name, path: at }, copying);
        if (inside !== undefined) open.push(inside);
        await breathe(copying);
      }
    }
  } catch (error) {
    throw fileError(error, toText(joinPath(fromText(to), at)), "write");
  } finally {
    for (const pair of open) close(pair);
  }
}

async function breathe(copying: Copying): Promise<void> {
  if (++copying.files % FILES_A_TURN > 0) return;
  assertNotAborted(copying.signal);
  await nextTurn();
}

function beginDirectory({ from, to, path }: Pick<OpenPair, "from" | "to" | "path">): OpenPair {
  const stats = lstatSync(from.path, { bigint: true });
  mkdirSync(to.path, { mode: 0o700 });
  const source = enter(from);
  let target: Entered | undefined;
  try {
    target = enter(to);
    const names = readdirSync(source.path, { encoding: "buffer" }).reverse();
    return { from, to, path, stats, source, target, names };
  } catch (error) {
    leave(source);
    if (target !== undefined) leave(target);
    throw error;
  }
}

/** Its own attributes come last, because files that are made in it change them. */
function endDirectory(pair: OpenPair): void {
  close(pair);
  copyAttributes(pair.from.path, pair.to.path, pair.stats);
}

function close({ source, target }: OpenPair): void {
  leave(source);
  leave(target);
}

/** @returns the directory that it is, to be copied next */
function copyName(
  { source, target }: OpenPair,
  { name, path }: { readonly name: Buffer; readonly path: ByteString },
  copying: Copying,
): OpenPair | undefined {
  const [from, to] = [within(source, name), within(target, name)];
  const stats = lstatSync(from.path, { bigint: true });
  if (stats.isDirectory()) return beginDirectory({ from, to, path });
  if (stats.isSocket()) return undefined;
  const inode = stats.nlink > 1n ? `${stats.dev} ${stats.ino}` : undefined;
  const first = inode === undefined ? undefined : copying.links.get(inode);
  if (first !== undefined) linkBelow(copying.roots.to, first, path);
  else {
    makeCopy(from.path, to.path, { stats, copying });
    copyAttributes(from.path, to.path, stats);
    if (inode !== undefined) copying.links.set(inode, path);
  }
  return undefined;
}

/** Gives the copy of a file one more name; both paths are below the root of the copies. */
function linkBelow(root: string, existing: ByteString, path: ByteString): void {
  const [from, to] = [existing, path].map((below) => toBuffer(joinPath(fromText(root), below))) as [Buffer, Buffer];
  if (Math.max(from.length, to.length) < PATH_MAX) return linkSync(from, to);
  const top = openDirectory(root);
  const opened = [top];
  try {
    for (const below of [existing, path]) opened.push(openDirectoryBeneath(top, parentOf(below)));
    const [, source, target] = opened as [number, number, number];
    makeLinkAt({ directory: source, name: baseNameOf(existing) }, target, baseNameOf(path));
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

function makeCopy(from: Buffer, to: Buffer, { stats, copying }: { stats: BigIntStats; copying: Copying }): void {
  if (stats.isFile()) return copyFile(from, to, { stats, copying });
  if (stats.isSymbolicLink()) return symlinkSync(readlinkSync(from, { encoding: "buffer" }), to);
  const path = fromBuffer(to);
  if (stats.isFIFO()) return makeSpecialFile(path, { type: "fifo", mode: 0o600 });
  const type = stats.isBlockDevice() ? "block" : "char";
  makeSpecialFile(path, { type, mode: 0o600, ...decodeDevice(stats.rdev) });
}

function copyFile(from: Buffer, to: Buffer, { stats, copying }: { stats: BigIntStats; copying: Copying }): void {
  if (stats.size > 0n && copying.canClone) {
    try {
      return copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    } catch (error) {
      if (!isMissingClone(error)) throw error;
      copying.canClone = false;
    }
  }
  if (stats.blocks * 512n < stats.size) copySparseFile(from, to, Number(stats.size));
  else copyFileSync(from, to, constants.COPYFILE_EXCL);
}

/** What file systems say that share no blocks, or not between these two directories. */
function isMissingClone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return ["ENOTSUP", "EOPNOTSUPP", "EXDEV", "EINVAL", "ENOSYS", "ENOTTY"].includes(code);
}

function copySparseFile(from: Buffer, to: Buffer, size: number): void {
  const input = openSync(from, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const output = openSync(to, "wx", 0o600);
    try {
      for (const range of dataRanges(input, size)) copyRange(input, output, range);
      ftruncateSync(output, size);
      fchmodSync(output, 0o600);
    } finally {
      closeSync(output);
    }
  } finally {
    closeSync(input);
  }
}

function copyRange(input: number, output: number, { start, end }: { start: number; end: number }): void {
  const buffer = Buffer.allocUnsafe(Math.min(BUFFER_BYTES, end - start));
  for (let at = start; at < end; ) {
    const length = readSync(input, buffer, 0, Math.min(buffer.length, end - at), at);
    if (length === 0) return;
    for (let done = 0; done < length; ) done += writeSync(output, buffer, done, length - done, at + done);
    at += length;
  }
}

/** Owner first, because a change of it takes setuid and capabilities away; times last. */
function copyAttributes(from: Buffer, to: Buffer, stats: BigIntStats): void {
  const [source, target] = [fromBuffer(from), fromBuffer(to)];
  unlessForbidden(() => lchownSync(to, Number(stats.uid), Number(stats.gid)));
  if (!stats.isSymbolicLink()) chmodSync(to, Number(stats.mode & 0o7777n));
  for (const [name, value] of readXattrs(source)) unlessForbidden(() => writeXattr(target, name, value));
  setFileTimes(target, timeOfNanoseconds(stats.atimeNs), timeOfNanoseconds(stats.mtimeNs));
}

function unlessForbidden(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!["EPERM", "EINVAL", "ENOTSUP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
