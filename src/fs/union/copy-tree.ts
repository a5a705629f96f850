import { posix } from "node:path";
import { fromBuffer, fromText, toBuffer } from "../../base/index.ts";
import { withCode } from "../argument-error.ts";
import type { FileStats } from "../file-stats.ts";
import { type PathLike, parsePath } from "../image-path.ts";

/** As of `fs.cp`. */
export interface CopyOptions {
  readonly dereference?: boolean | undefined;
  readonly errorOnExist?: boolean | undefined;
  readonly filter?: ((source: string, destination: string) => boolean | Promise<boolean>) | undefined;
  readonly force?: boolean | undefined;
  readonly mode?: number | undefined;
  readonly preserveTimestamps?: boolean | undefined;
  readonly recursive?: boolean | undefined;
  readonly verbatimSymlinks?: boolean | undefined;
}

/** What copying needs of a file system. */
export interface CopyingFs {
  stat(path: PathLike): Promise<unknown>;
  lstat(path: PathLike): Promise<unknown>;
  readdir(path: PathLike, options: { readonly encoding: "buffer" }): Promise<unknown>;
  readlink(path: PathLike, options: { readonly encoding: "buffer" }): Promise<unknown>;
  copyFile(from: PathLike, to: PathLike, mode?: number): Promise<void>;
  mkdir(path: PathLike, options?: { readonly recursive: true }): Promise<unknown>;
  chmod(path: PathLike, mode: number): Promise<void>;
  utimes(path: PathLike, atime: Date, mtime: Date): Promise<void>;
  unlink(path: PathLike): Promise<void>;
  symlink(target: PathLike, path: PathLike): Promise<void>;
}

interface Pair {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** `fs.cp` with all its options and errors; owners are not copied, as there. */
export async function copyTree(fs: CopyingFs, from: PathLike, to: PathLike, options: CopyOptions = {}): Promise<void> {
  const pair = { from: toBuffer(parsePath(from, "src").bytes), to: toBuffer(parsePath(to, "dest").bytes) };
  const source = await look(fs, pair.from, options);
  if (!(await isWanted(pair, options))) return;
  await assertNotWithin(fs, pair, source);
  const parent = Buffer.from(posix.dirname(fromBuffer(pair.to)), "latin1");
  await fs.mkdir(parent, { recursive: true });
  await copyOne(fs, pair, options);
}

async function copyOne(fs: CopyingFs, pair: Pair, options: CopyOptions): Promise<void> {
  const source = await look(fs, pair.from, options);
  const old = await look(fs, pair.to, options).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  });
  assertFits(pair, source, old);
  if (source.isDirectory()) await copyDirectory(fs, pair, { source, old, options });
  else if (source.isSymbolicLink()) await copyLink(fs, pair, { old, options });
  else if (source.isFile()) await copyRegular(fs, pair, { source, old, options });
  else throw failed("ERR_FS_CP_FIFO_PIPE", "cannot copy a device or a pipe", pair);
}

interface Situation {
  readonly source: FileStats;
  readonly old: FileStats | undefined;
  readonly options: CopyOptions;
}

function assertFits(pair: Pair, source: FileStats, old: FileStats | undefined): void {
  if (old === undefined) return;
  if (old.ino === source.ino) throw failed("ERR_FS_CP_EINVAL", "src and dest cannot be the same", pair);
  if (source.isDirectory() && !old.isDirectory()) {
    throw failed("ERR_FS_CP_DIR_TO_NON_DIR", "cannot overwrite non-directory with directory", pair);
  }
  if (!source.isDirectory() && old.isDirectory()) {
    throw failed("ERR_FS_CP_NON_DIR_TO_DIR", "cannot overwrite directory with non-directory", pair);
  }
}

async function copyDirectory(fs: CopyingFs, pair: Pair, { source, old, options }: Situation): Promise<void> {
  if (options.recursive !== true)
    throw failed("ERR_FS_EISDIR", "recursive option not enabled, cannot copy a directory", pair);
  if (old === undefined) await fs.mkdir(pair.to);
  for (const name of (await fs.readdir(pair.from, { encoding: "buffer" })) as Buffer[]) {
    const child = { from: join(pair.from, name), to: join(pair.to, name) };
    if (await isWanted(child, options)) await copyOne(fs, child, options);
  }
  if (old === undefined) await fs.chmod(pair.to, source.mode & 0o7777);
}

async function copyRegular(fs: CopyingFs, pair: Pair, { source, old, options }: Situation): Promise<void> {
  if (old !== undefined) {
    if (options.force === false && options.errorOnExist === true) {
      throw failed("ERR_FS_CP_EEXIST", "the destination exists", pair);
    }
    if (options.force === false) return;
    await fs.unlink(pair.to);
  }
  await fs.copyFile(pair.from, pair.to, options.mode);
  if (options.preserveTimestamps === true) await fs.utimes(pair.to, source.atime, source.mtime);
}

async function copyLink(fs: CopyingFs, pair: Pair, { old, options }: Omit<Situation, "source">): Promise<void> {
  const target = (await fs.readlink(pair.from, { encoding: "buffer" })) as Buffer;
  const isKept = options.verbatimSymlinks === true || target[0] === SLASH;
  const copied = isKept ? target : resolve(pair.from, target);
  if (old !== undefined) await fs.unlink(pair.to);
  await fs.symlink(copied, pair.to);
}

async function assertNotWithin(fs: CopyingFs, { from, to }: Pair, source: FileStats): Promise<void> {
  if (!source.isDirectory()) return;
  for (let at = posix.resolve("/", fromBuffer(to)); at !== "/"; ) {
    at = posix.dirname(at);
    const above = await fs.stat(Buffer.from(at, "latin1")).catch(() => undefined);
    if ((above as FileStats | undefined)?.ino !== source.ino) continue;
    throw failed("ERR_FS_CP_EINVAL", "cannot copy a directory to a subdirectory of itself", { from, to });
  }
}

async function look(fs: CopyingFs, path: Buffer, { dereference }: CopyOptions): Promise<FileStats> {
  return (await (dereference === true ? fs.stat(path) : fs.lstat(path))) as FileStats;
}

async function isWanted({ from, to }: Pair, { filter }: CopyOptions): Promise<boolean> {
  return filter === undefined || (await filter(from.toString(), to.toString()));
}

const SLASH = 0x2f;

function join(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, directory.at(-1) === SLASH ? Buffer.alloc(0) : fromSlash, name]);
}

const fromSlash = Buffer.from(fromText("/"));

function resolve(link: Buffer, target: Buffer): Buffer {
  return Buffer.from(posix.resolve("/", posix.dirname(fromBuffer(link)), fromBuffer(target)), "latin1");
}

/** The form of Node's own errors of `cp`. */
function failed(code: string, problem: string, { from, to }: Pair): Error {
  const error = withCode(new Error(`${problem}: cp ${from.toString()} to ${to.toString()}`), code);
  return Object.assign(error, { name: "SystemError", syscall: "cp", path: from.toString(), dest: to.toString() });
}
