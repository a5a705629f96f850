import { fromText, now, toText } from "../../base/index.ts";
import type { SparseRun } from "../../tar/index.ts";
import { type FileType, TYPE_BITS } from "../../tree/index.ts";
import { constants } from "../constants.ts";
import { FileBigIntStats } from "../file-stats.ts";
import type { ContentReference, FsLike, FsPath, StatsLike } from "../fs-like.ts";
import { ImageDirent } from "../image-dirent.ts";
import { parsePath } from "../image-path.ts";
import { encoderFor, type NameEncoding } from "../name-encoding.ts";
import { nanosecondsOf } from "../time-argument.ts";
import { MemoryFileHandle } from "./memory-file-handle.ts";
import { dropPrivileges, factsOfInode, type MemoryInode } from "./memory-inode.ts";
import { fail, isWithin, MemoryTree } from "./memory-tree.ts";
import { PageStore } from "./page-store.ts";
import { PagedContent } from "./paged-content.ts";
import type { Spill } from "./spill.ts";

/** How a {@link MemoryFs} is made. */
export interface MemoryFsOptions {
  /** Takes the data of files when they pass `memory`. Without it everything stays in memory. */
  readonly spill?: Spill | undefined;
  /** Bytes of data held in memory. Default 64 MiB. */
  readonly memory?: number | undefined;
  /** All times that this file system sets by itself, in nanoseconds since the epoch. Default: what the clock says. */
  readonly time?: bigint | undefined;
}

const DEFAULT_MEMORY = 64 * 1024 * 1024;
const NS_PER_MS = 1_000_000n;
const TYPES = Object.entries(TYPE_BITS) as [FileType, number][];

/**
 * A file system in memory with everything that Linux knows about a file: owners, times in nanoseconds, extended
 * attributes, devices, pipes, hardlinks. Everything belongs to 0:0 until it is changed; permissions are kept, not enforced.
 *
 * It is the lower half of a file system: as {@link FsLike} promises, paths are taken literally. For one with all functions,
 * symlinks and `..`, put a union without lowers above it.
 */
export class MemoryFs implements FsLike, AsyncDisposable {
  readonly #store: PageStore;
  readonly #clock: () => bigint;
  readonly #tree: MemoryTree;
  #inodes = 0;
  readonly #opened = new Map<MemoryInode, number>();

  constructor({ spill, memory = DEFAULT_MEMORY, time }: MemoryFsOptions = {}) {
    this.#store = new PageStore({ limit: memory, spill });
    this.#clock = time === undefined ? () => BigInt(now()) * NS_PER_MS : () => time;
    this.#tree = new MemoryTree(this.#make(TYPE_BITS.directory | 0o755, { children: new Map() }), this.#clock);
  }

  /** Bytes of data in memory. */
  get memoryUsed(): number {
    return this.#store.used;
  }

  async lstat(path: FsPath, options?: { readonly throwIfNoEntry?: boolean }): Promise<StatsLike | undefined> {
    const inode =
      options?.throwIfNoEntry === false ? this.#tree.find(path, "lstat") : this.#tree.existing(path, "lstat");
    return inode && new FileBigIntStats(factsOfInode(inode));
  }

  async readdir(path: FsPath, options?: { readonly encoding?: NameEncoding }): Promise<ImageDirent<string | Buffer>[]> {
    const encode = encoderFor(options?.encoding);
    const children = [...this.#tree.directory(path, "scandir")].sort(([a], [b]) => (a < b ? -1 : 1));
    return children.map(([name, { mode }]) => new ImageDirent(encode(name), path, typeOfMode(mode)));
  }

  async readlink(path: FsPath, options?: { readonly encoding?: NameEncoding }): Promise<string | Buffer> {
    const { target } = this.#tree.existing(path, "readlink");
    if (target === undefined) throw fail("EINVAL", "readlink", path);
    return encoderFor(options?.encoding)(target);
  }

  async open(path: FsPath, flags: number, mode = 0o666): Promise<MemoryFileHandle> {
    const found = (flags & constants.O_CREAT) === 0 ? this.#tree.existing(path, "open") : this.#tree.find(path, "open");
    if (found !== undefined && (flags & constants.O_EXCL) !== 0) throw fail("EEXIST", "open", path);
    const inode = found ?? this.#tree.place(path, "open", () => this.#makeFile(mode));
    const writes = (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
    if (inode.children !== undefined && writes) throw fail("EISDIR", "open", path);
    if (inode.content === undefined && inode.children === undefined) throw fail("ENXIO", "open", path);
    this.#opened.set(inode, (this.#opened.get(inode) ?? 0) + 1);
    const handle = new MemoryFileHandle({ inode, flags, clock: this.#clock, onClose: () => this.#close(inode) });
    if ((flags & constants.O_TRUNC) !== 0 && found !== undefined) await handle.truncate(0);
    return handle;
  }

  async mkdir(path: FsPath, options?: { readonly mode?: number }): Promise<undefined> {
    const mode = TYPE_BITS.directory | ((options?.mode ?? 0o777) & 0o7777);
    this.#tree.place(path, "mkdir", () => this.#make(mode, { children: new Map() }));
  }

  async symlink(target: FsPath, path: FsPath): Promise<void> {
    const { bytes } = parsePath(target, "target");
    this.#tree.place(path, "symlink", () => this.#make(TYPE_BITS.symlink | 0o777, { target: bytes }));
  }

  async mknod(path: FsPath, mode: number, rdev: number): Promise<void> {
    const isFile = (mode & constants.S_IFMT) === TYPE_BITS.file;
    this.#tree.place(path, "mknod", () => (isFile ? this.#makeFile(mode) : this.#make(mode, { rdev })));
  }

  async writeReference(path: FsPath, mode: number, content: ContentReference): Promise<void> {
    this.#tree.place(path, "open", () => this.#makeFile(mode, content));
  }

  referenceOf(path: FsPath): ContentReference | undefined {
    return this.#tree.find(path, "lstat")?.content?.reference;
  }

  async dataRuns(path: FsPath): Promise<readonly SparseRun[] | undefined> {
    return await this.#tree.existing(path, "open").content?.dataRuns();
  }

  async link(existingPath: FsPath, newPath: FsPath): Promise<void> {
    const inode = this.#tree.existing(existingPath, "link");
    if (inode.children !== undefined) throw fail("EPERM", "link", existingPath);
    this.#tree.place(newPath, "link", () => inode);
    inode.nlink++;
    this.#changed(inode);
  }

  async unlink(path: FsPath): Promise<void> {
    const inode = this.#tree.existing(path, "unlink");
    if (inode.children !== undefined) throw fail("EISDIR", "unlink", path);
    this.#tree.take(path, "unlink");
    await this.#dropName(inode);
  }

  async rmdir(path: FsPath): Promise<void> {
    const { children } = this.#tree.existing(path, "rmdir");
    if (children === undefined) throw fail("ENOTDIR", "rmdir", path);
    if (children.size > 0) throw fail("ENOTEMPTY", "rmdir", path);
    this.#tree.take(path, "rmdir");
  }

  async rename(oldPath: FsPath, newPath: FsPath): Promise<void> {
    const inode = this.#tree.existing(oldPath, "rename");
    const replaced = this.#tree.find(newPath, "rename");
    if (replaced === inode) return;
    if (inode.children !== undefined && isWithin(oldPath, newPath)) throw fail("EINVAL", "rename", oldPath);
    if (replaced?.children !== undefined) {
      if (inode.children === undefined) throw fail("EISDIR", "rename", oldPath);
      await this.rmdir(newPath);
    } else if (replaced !== undefined) {
      if (inode.children !== undefined) throw fail("ENOTDIR", "rename", oldPath);
      await this.unlink(newPath);
    }
    this.#tree.take(oldPath, "rename");
    this.#tree.place(newPath, "rename", () => inode);
    this.#changed(inode);
  }

  async chmod(path: FsPath, mode: number): Promise<void> {
    const inode = this.#tree.existing(path, "chmod");
    inode.mode = (inode.mode & constants.S_IFMT) | (mode & 0o7777);
    this.#changed(inode);
  }

  async lchown(path: FsPath, uid: number, gid: number): Promise<void> {
    const inode = this.#tree.existing(path, "lchown");
    inode.uid = uid;
    inode.gid = gid;
    dropPrivileges(inode, { bits: true });
    this.#changed(inode);
  }

  async lutimes(path: FsPath, atime: number, mtime: number): Promise<void> {
    await this.setTimes(path, nanosecondsOf(atime, "atime"), nanosecondsOf(mtime, "mtime"));
  }

  async setTimes(path: FsPath, atimeNs: bigint, mtimeNs: bigint): Promise<void> {
    const inode = this.#tree.existing(path, "utime");
    this.#changed(inode);
    inode.atimeNs = atimeNs;
    inode.mtimeNs = mtimeNs;
  }

  async getxattr(path: FsPath, name: string, _options?: object): Promise<Buffer> {
    const value = this.#tree.existing(path, "getxattr").xattrs?.get(fromText(name));
    if (value === undefined) throw fail("ENODATA", "getxattr", path);
    return Buffer.from(value);
  }

  async listxattr(path: FsPath, _options?: object): Promise<string[]> {
    return [...(this.#tree.existing(path, "listxattr").xattrs?.keys() ?? [])].map(toText).sort();
  }

  async setxattr(path: FsPath, name: string, value: Uint8Array, _options?: object): Promise<void> {
    const inode = this.#tree.existing(path, "setxattr");
    inode.xattrs ??= new Map();
    inode.xattrs.set(fromText(name), Buffer.from(value));
    this.#changed(inode);
  }

  async removexattr(path: FsPath, name: string, _options?: object): Promise<void> {
    const inode = this.#tree.existing(path, "removexattr");
    if (inode.xattrs?.delete(fromText(name)) !== true) throw fail("ENODATA", "removexattr", path);
    this.#changed(inode);
  }

  /** Frees the data, what was spilled too. */
  async [Symbol.asyncDispose](): Promise<void> {
    await dropBelow(this.#tree.root);
  }

  #makeFile(mode: number, reference?: ContentReference): MemoryInode {
    return this.#make(TYPE_BITS.file | (mode & 0o7777), { content: new PagedContent(this.#store, reference) });
  }

  #make(mode: number, part: Partial<Pick<MemoryInode, "children" | "content" | "target" | "rdev">>): MemoryInode {
    const time = this.#clock();
    const { children, content, target, rdev = 0 } = part;
    return {
      ino: ++this.#inodes,
      mode,
      uid: 0,
      gid: 0,
      rdev,
      nlink: children === undefined ? 1 : 2,
      atimeNs: time,
      mtimeNs: time,
      ctimeNs: time,
      birthtimeNs: time,
      xattrs: undefined,
      children,
      content,
      target,
    };
  }

  #changed(inode: MemoryInode): void {
    inode.ctimeNs = this.#clock();
  }

  async #dropName(inode: MemoryInode): Promise<void> {
    inode.nlink--;
    this.#changed(inode);
    if (inode.nlink === 0 && !this.#opened.has(inode)) await inode.content?.drop();
  }

  async #close(inode: MemoryInode): Promise<void> {
    const left = (this.#opened.get(inode) ?? 1) - 1;
    if (left > 0) this.#opened.set(inode, left);
    else this.#opened.delete(inode);
    if (left === 0 && inode.nlink === 0) await inode.content?.drop();
  }
}

async function dropBelow({ children, content }: MemoryInode): Promise<void> {
  await content?.drop();
  for (const child of children?.values() ?? []) await dropBelow(child);
}

function typeOfMode(mode: number): FileType {
  return TYPES.find(([, bits]) => bits === (mode & constants.S_IFMT))?.[0] ?? "file";
}
