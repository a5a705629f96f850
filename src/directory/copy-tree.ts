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
import { assertNotAborted, type FileTime, fromBuffer, sleep } from "../base/index.ts";
import { fileError } from "../content/index.ts";
import { dataRanges, decodeDevice, makeSpecialFile, readXattrs, setFileTimes, writeXattr } from "../linux/index.ts";

/** So many files until others get a turn. */
const FILES_A_TURN = 200;
const SLASH = Buffer.from("/");
const BUFFER_BYTES = 1 << 20;

interface Copying {
  /** First copy of each file that has several names, by inode. */
  readonly links: Map<string, Buffer>;
  readonly signal: AbortSignal | undefined;
  /** Whether the file system shares blocks between files, as far as is known. */
  canClone: boolean;
  files: number;
}

/**
 * Copies a directory and all below it: hardlinks, owners, modes, extended attributes, times to the nanosecond, devices and
 * holes; nothing is followed. Blocks are shared where the file system can. Sockets are left out. Owners and attributes
 * that this user may not set are left as they come. Not synced.
 * @param to is made, and must not be there
 * @throws StrataError as `fileError`; what was copied stays; `aborted`
 */
export async function copyTree(
  from: string,
  to: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const copying: Copying = { links: new Map(), signal, canClone: true, files: 0 };
  try {
    mkdirSync(to, { mode: 0o700 });
    await copyDirectory(Buffer.from(from), Buffer.from(to), copying);
  } catch (error) {
    throw fileError(error, (error as NodeJS.ErrnoException).path ?? to, "write");
  }
}

/** Fills the copy of a directory; its own attributes come last, because files that are made in it change them. */
async function copyDirectory(from: Buffer, to: Buffer, copying: Copying): Promise<void> {
  const stats = lstatSync(from, { bigint: true });
  for (const name of readdirSync(from, { encoding: "buffer" })) {
    if (++copying.files % FILES_A_TURN === 0) {
      assertNotAborted(copying.signal);
      await sleep(0);
    }
    const [source, target] = [below(from, name), below(to, name)];
    const child = lstatSync(source, { bigint: true });
    if (child.isDirectory()) {
      mkdirSync(target, { mode: 0o700 });
      await copyDirectory(source, target, copying);
    } else copyEntry(source, target, { stats: child, copying });
  }
  copyAttributes(from, to, stats);
}

function copyEntry(from: Buffer, to: Buffer, { stats, copying }: { stats: BigIntStats; copying: Copying }): void {
  if (stats.isSocket()) return;
  const inode = `${stats.dev} ${stats.ino}`;
  const first = stats.nlink > 1n ? copying.links.get(inode) : undefined;
  if (first !== undefined) return linkSync(first, to);
  makeCopy(from, to, { stats, copying });
  copyAttributes(from, to, stats);
  if (stats.nlink > 1n) copying.links.set(inode, to);
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
  setFileTimes(target, timeOf(stats.atimeNs), timeOf(stats.mtimeNs));
}

function unlessForbidden(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!["EPERM", "EINVAL", "ENOTSUP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

function timeOf(nanoseconds: bigint): FileTime {
  const rest = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: Number((nanoseconds - rest) / 1_000_000_000n), nanoseconds: Number(rest) };
}

function below(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, SLASH, name]);
}
