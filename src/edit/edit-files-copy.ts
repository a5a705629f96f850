import { posix } from "node:path";
import { assertNotAborted, type ByteString, fromText, toText } from "../base/index.ts";
import { constants, type ReadFsLike, type ReadHandleLike, type UnionFileHandle, type UnionFs } from "../fs/index.ts";
import type { SparseRun } from "../tar/index.ts";
import { copySourceError } from "./file-edit-error.ts";

/** What is copied, and where to. */
export interface CopyInInit {
  readonly from: ReadFsLike;
  readonly source: string | Buffer;
  readonly path: string | Buffer;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

const CHUNK = 256 * 1024;
/** A file that may grow is copied as far as it goes. */
const ALL: SparseRun = { offset: 0, length: Number.MAX_SAFE_INTEGER };
/** Of the others, some mean nothing elsewhere. */
const KEPT_XATTRS = /^(?:user\.|security\.capability$)/;

/** Copies a file or a tree of another file system into an image, as `FileEdit` says. @throws errno errors of the image; StrataError of what is copied */
export async function copyIn(fs: UnionFs, init: CopyInInit, signal?: AbortSignal): Promise<void> {
  const copier = new Copier(fs, init, signal);
  const [source, path] = [bytesOf(init.source), bytesOf(init.path)];
  const { mode } = await copier.look(source);
  const isInto =
    (mode & constants.S_IFMT) !== constants.S_IFDIR && (path.endsWith("/") || (await isDirectory(fs, path)));
  const target = posix.normalize(isInto ? `/${path}/${posix.basename(source)}` : `/${path}`);
  if (posix.dirname(target) !== "/") await fs.mkdir(bufferOf(posix.dirname(target)), { recursive: true });
  await copier.copy(source, target);
}

interface Facts {
  readonly mode: number;
  readonly rdev: number;
  readonly size: number;
  readonly mtimeNs: bigint;
  /** Equal for names of one file; undefined for one that has no other. */
  readonly inode: string | undefined;
}

/** A file whose content is being copied. */
interface OpenCopy {
  readonly source: ByteString;
  readonly input: ReadHandleLike;
  readonly output: UnionFileHandle;
}

class Copier {
  readonly #fs: UnionFs;
  readonly #from: ReadFsLike;
  readonly #owner: { readonly uid: number; readonly gid: number };
  readonly #signal: AbortSignal | undefined;
  /** Where files with several names went. */
  readonly #firstNames = new Map<string, ByteString>();

  constructor(fs: UnionFs, { from, uid = 0, gid = 0 }: CopyInInit, signal: AbortSignal | undefined) {
    this.#fs = fs;
    this.#from = from;
    this.#owner = { uid, gid };
    this.#signal = signal;
  }

  async look(source: ByteString): Promise<Facts> {
    const asked = this.#from.lstat(bufferOf(source), { bigint: true });
    const stats = (await ofSource(source, asked)) as Record<string, bigint>;
    const { mode, rdev, size, nlink, dev, ino, mtimeNs = 0n } = stats;
    return {
      mode: Number(mode),
      rdev: Number(rdev),
      size: Number(size),
      mtimeNs,
      inode: Number(nlink) > 1 ? `${dev}:${ino}` : undefined,
    };
  }

  async copy(source: ByteString, target: ByteString): Promise<void> {
    assertNotAborted(this.#signal);
    const facts = await this.look(source);
    const type = facts.mode & constants.S_IFMT;
    if (type === constants.S_IFSOCK) return;
    if (type === constants.S_IFDIR) return await this.#copyDirectory(source, target, facts);
    await this.#fs.rm(bufferOf(target), { force: true });
    const first = facts.inode === undefined ? undefined : this.#firstNames.get(facts.inode);
    if (first !== undefined) return await this.#fs.link(bufferOf(first), bufferOf(target));
    if (facts.inode !== undefined) this.#firstNames.set(facts.inode, target);
    if (type === constants.S_IFREG) await this.#copyContent(source, target, facts.size);
    else if (type === constants.S_IFLNK) await this.#copyLink(source, target);
    else await this.#fs.mknod(bufferOf(target), facts.mode, facts.rdev);
    await this.#dress(source, target, facts);
  }

  async #copyDirectory(source: ByteString, target: ByteString, facts: Facts): Promise<void> {
    const isNew = !(await isDirectory(this.#fs, target));
    if (isNew) await this.#fs.mkdir(bufferOf(target));
    const options = { withFileTypes: true, encoding: "buffer" } as const;
    for (const entry of await ofSource(source, this.#from.readdir(bufferOf(source), options))) {
      const name = bytesOf((entry as { readonly name: string | Buffer }).name);
      await this.copy(posix.join(source, name), posix.join(target, name));
    }
    if (isNew) await this.#dress(source, target, facts);
  }

  /** Holes stay holes. */
  async #copyContent(source: ByteString, target: ByteString, size: number): Promise<void> {
    const runs = await ofSource(source, this.#from.dataRuns?.(bufferOf(source)));
    const input = await ofSource(source, this.#from.open(bufferOf(source), constants.O_RDONLY));
    try {
      const output = await this.#fs.open(bufferOf(target), "wx");
      await using _ = output;
      for (const run of runs ?? [ALL]) await this.#copyRun({ source, input, output }, run);
      if (runs !== undefined) await output.truncate(size);
    } finally {
      await input.close();
    }
  }

  async #copyRun({ source, input, output }: OpenCopy, { offset, length }: SparseRun): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK, length));
    for (let at = offset; at < offset + length; ) {
      assertNotAborted(this.#signal);
      const reading = input.read(buffer, 0, Math.min(buffer.length, offset + length - at), at);
      const { bytesRead } = await ofSource(source, reading);
      if (bytesRead === 0) return;
      await output.write(buffer, 0, bytesRead, at);
      at += bytesRead;
    }
  }

  async #copyLink(source: ByteString, target: ByteString): Promise<void> {
    const to = await ofSource(source, this.#from.readlink(bufferOf(source), { encoding: "buffer" }));
    await this.#fs.symlink(typeof to === "string" ? to : Buffer.from(to), bufferOf(target));
  }

  /** Owner first: a change of it takes special bits and capabilities away. Times last. */
  async #dress(source: ByteString, target: ByteString, { mode, mtimeNs }: Facts): Promise<void> {
    const [fs, path] = [this.#fs, bufferOf(target)];
    await fs.lchown(path, this.#owner.uid, this.#owner.gid);
    if ((mode & constants.S_IFMT) !== constants.S_IFLNK) await fs.chmod(path, mode & 0o7777);
    const options = { followSymlinks: false } as const;
    for (const name of (await ofSource(source, this.#from.listxattr?.(bufferOf(source), options))) ?? []) {
      if (!KEPT_XATTRS.test(name)) continue;
      const value = await ofSource(source, this.#from.getxattr?.(bufferOf(source), name, options));
      if (value !== undefined) await fs.setxattr(path, name, value, options);
    }
    await fs.setTimes(path, mtimeNs, mtimeNs);
  }
}

/** What the file system that is copied from answers; its errors are told apart from those of the image. */
async function ofSource<T>(source: ByteString, asked: Promise<T>): Promise<T>;
async function ofSource<T>(source: ByteString, asked: Promise<T> | undefined): Promise<T | undefined>;
async function ofSource<T>(source: ByteString, asked: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    throw copySourceError(error, toText(source));
  }
}

async function isDirectory(fs: UnionFs, path: ByteString): Promise<boolean> {
  try {
    return (await fs.stat(bufferOf(path))).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

function bytesOf(path: string | Buffer): ByteString {
  return typeof path === "string" ? fromText(path) : path.toString("latin1");
}

function bufferOf(path: ByteString): Buffer {
  return Buffer.from(path, "latin1");
}
