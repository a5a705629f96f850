import type * as promises from "node:fs/promises";
import { constants } from "../constants.ts";
import type { FsLike, ReadFsLike } from "../fs-like.ts";
import type { PathLike } from "../image-path.ts";
import { MemoryFs } from "../memory/memory-fs.ts";
import type { Spill } from "../memory/spill.ts";
import type { ReadFileOptions } from "../reading-handle.ts";
import { copyTree } from "./copy-tree.ts";
import { type NodeUnionFs, toNodeUnionFs } from "./node-union-fs.ts";
import { UnionCore } from "./union-core.ts";
import { editsOfUnion } from "./union-edits.ts";
import type { UnionFileHandle } from "./union-file-handle.ts";
import { filesOfUnion } from "./union-files.ts";
import { metadataOfUnion, type UnionWalkEntry, type UnionWalkOptions } from "./union-metadata.ts";

/** What a {@link UnionFs} is made of. */
export interface UnionFsInit {
  /** Base first; later ones win. Nobody changes them while the union is in use. */
  readonly lowers: readonly ReadFsLike[];
  /**
   * Takes all changes, as a changeset. Default: a {@link MemoryFs}, which the union then owns. As long as it is empty, the root
   * is what the lowers say.
   */
  readonly upper?: FsLike | undefined;
  /** All times that the union sets by itself, in nanoseconds since the epoch. Default: what the clock says. */
  readonly time?: bigint | undefined;
  /** Permission bits that new files do not get. Default 0o022. */
  readonly umask?: number | undefined;
  /** For the default upper: where the data of files goes that takes more memory than `memory`. */
  readonly spill?: Spill | undefined;
  /** For the default upper: bytes of data held in memory. Default 64 MiB. */
  readonly memory?: number | undefined;
}

const cores = new WeakMap<UnionFs, UnionCore>();

/** What a union is made of, for what reads its upper. */
export function coreOf(fs: UnionFs): UnionCore {
  return cores.get(fs) as UnionCore;
}

type Promises = typeof promises;
type Metadata = ReturnType<typeof metadataOfUnion>;
type Edits = ReturnType<typeof editsOfUnion>;
type Files = ReturnType<typeof filesOfUnion>;

/** `readFile`: bytes, or text when an encoding is given. */
export interface UnionReadFile {
  (
    file: PathLike | UnionFileHandle,
    options?: (ReadFileOptions & { readonly encoding?: null | undefined }) | null,
  ): Promise<Buffer>;
  (
    file: PathLike | UnionFileHandle,
    options: BufferEncoding | (ReadFileOptions & { readonly encoding: BufferEncoding }),
  ): Promise<string>;
  (file: PathLike | UnionFileHandle, options?: ReadFileOptions | BufferEncoding | null): Promise<string | Buffer>;
}

/**
 * Several file systems seen as one that can be written to, shaped like `node:fs/promises`: the same names, arguments, results
 * and errors. It is to the {@link upper} and the {@link lowers} what the kernel's overlayfs is to directories: a file that is
 * changed is copied up first with all that it has, a name that is removed leaves a whiteout `.wh.NAME` in the upper, a new
 * directory in an old one's place is opaque. So the upper is a changeset; `listUpper` reads it as such.
 *
 * - Nothing of the host is ever seen: relative paths begin at the root, no symlink or `..` leaves it.
 * - Permissions are kept and not enforced: everybody is root here, and what they make belongs to whom the upper says (0:0).
 * - Names that begin with `.wh.` are refused with EPERM and never seen.
 * - All names of a file of a lower stay names of one file, also when it is changed, linked or moved: the first such change
 *   walks the lower for them. Directories are moved by copying up all that they hold; an upper that takes references is not
 *   given data for that. There is no EXDEV.
 * - Changes happen one after the other, each as a whole; what reads meanwhile waits. File data is written at once.
 * - Failed changes of an upper on a disk may leave a name that begins with `.wh..wh.strata-`, which nobody sees.
 *
 * All functions can be taken off it. Disposing it frees the default upper, and does nothing to one that was given.
 */
export class UnionFs implements AsyncDisposable {
  readonly constants = constants;
  /** Holds the changes. */
  readonly upper: FsLike;
  /** Base first. */
  readonly lowers: readonly ReadFsLike[];

  /** Rejects with EACCES for X_OK on a file that has no x bit, as the kernel to root; all else is allowed. */
  readonly access: Metadata["access"];
  /** Whether a path leads to something; never rejects. */
  readonly exists: Metadata["exists"];
  /** Inode numbers are equal for names of one file, and change when a file is copied up. */
  readonly stat: Promises["stat"];
  readonly lstat: Promises["lstat"];
  /** Names in ascending byte order. `parentPath` of a dirent may be a Buffer; see `ImageDirent`. */
  readonly readdir: Promises["readdir"];
  readonly readlink: Promises["readlink"];
  /** Physical, as `realpath(3)`. */
  readonly realpath: Promises["realpath"];
  readonly opendir: Metadata["opendir"];
  /** The value of an extended attribute; ENODATA when there is none. Not in `node:fs`, as the next three. */
  readonly getxattr: Metadata["getxattr"];
  /** The full names of all extended attributes, sorted. */
  readonly listxattr: Metadata["listxattr"];
  /** Where a file that may have holes may have data, ascending; undefined for all others. As {@link ReadFsLike} has it. */
  readonly dataRuns: (path: PathLike) => ReturnType<Metadata["dataRuns"]>;
  /** ENOTSUP where the upper cannot, and for a name without a namespace. */
  readonly setxattr: Edits["setxattr"];
  readonly removexattr: Edits["removexattr"];

  readonly mkdir: Edits["mkdir"];
  readonly mkdtemp: Edits["mkdtemp"];
  readonly rm: Edits["rm"];
  readonly rmdir: Edits["rmdir"];
  readonly unlink: Edits["unlink"];
  readonly rename: Edits["rename"];
  readonly link: Edits["link"];
  readonly symlink: Edits["symlink"];
  /** mknod(2): mode with type bits, `rdev` as `stat` gives it. ENOTSUP where the upper cannot. Not in `node:fs`. */
  readonly mknod: Edits["mknod"];
  readonly chmod: Edits["chmod"];
  /** ENOTSUP for a symlink, as on Linux. */
  readonly lchmod: Edits["lchmod"];
  readonly chown: Edits["chown"];
  readonly lchown: Edits["lchown"];
  readonly utimes: Edits["utimes"];
  readonly lutimes: Edits["lutimes"];
  /** `lutimes` in nanoseconds. Not in `node:fs`. */
  readonly setTimes: Edits["setTimes"];

  /** ENXIO for devices and pipes. */
  readonly open: Files["open"];
  readonly readFile: UnionReadFile;
  readonly writeFile: Files["writeFile"];
  readonly appendFile: Files["appendFile"];
  readonly truncate: Files["truncate"];
  readonly copyFile: Files["copyFile"];
  readonly cp: (source: PathLike, destination: PathLike, options?: Parameters<typeof copyTree>[3]) => Promise<void>;
  readonly createReadStream: Files["createReadStream"];
  readonly createWriteStream: Files["createWriteStream"];

  readonly #owned: MemoryFs | undefined;
  readonly #walk: Metadata["walk"];
  #node: NodeUnionFs | undefined;

  constructor({ lowers, upper, time, umask = 0o022, spill, memory }: UnionFsInit) {
    this.#owned = upper === undefined ? new MemoryFs({ spill, memory, time }) : undefined;
    this.upper = upper ?? (this.#owned as MemoryFs);
    this.lowers = lowers;
    const core = new UnionCore({ upper: this.upper, lowers, time, umask });
    cores.set(this, core);
    const metadata = metadataOfUnion(core);
    const edits = editsOfUnion(core);
    const files = filesOfUnion(core);
    this.access = metadata.access;
    this.exists = metadata.exists;
    this.stat = metadata.stat as Promises["stat"];
    this.lstat = metadata.lstat as Promises["lstat"];
    this.readdir = metadata.readdir as unknown as Promises["readdir"];
    this.readlink = metadata.readlink as Promises["readlink"];
    this.realpath = metadata.realpath as Promises["realpath"];
    this.opendir = metadata.opendir;
    this.getxattr = metadata.getxattr;
    this.listxattr = metadata.listxattr;
    this.dataRuns = (path) => metadata.dataRuns(path, false);
    this.setxattr = edits.setxattr;
    this.removexattr = edits.removexattr;
    this.mkdir = edits.mkdir;
    this.mkdtemp = edits.mkdtemp;
    this.rm = edits.rm;
    this.rmdir = edits.rmdir;
    this.unlink = edits.unlink;
    this.rename = edits.rename;
    this.link = edits.link;
    this.symlink = edits.symlink;
    this.mknod = edits.mknod;
    this.chmod = edits.chmod;
    this.lchmod = edits.lchmod;
    this.chown = edits.chown;
    this.lchown = edits.lchown;
    this.utimes = edits.utimes;
    this.lutimes = edits.lutimes;
    this.setTimes = edits.setTimes;
    this.open = files.open;
    this.readFile = files.readFile as UnionReadFile;
    this.writeFile = files.writeFile;
    this.appendFile = files.appendFile;
    this.truncate = files.truncate;
    this.copyFile = files.copyFile;
    this.cp = (source, destination, options) => copyTree(this, source, destination, options);
    this.createReadStream = files.createReadStream;
    this.createWriteStream = files.createWriteStream;
    this.#walk = metadata.walk;
  }

  /** The same files with callbacks, for the `fs` option of libraries; its `…Sync` functions fail with ENOTSUP. */
  get node(): NodeUnionFs {
    this.#node ??= toNodeUnionFs(this);
    return this.#node;
  }

  /**
   * A path, which is resolved, and everything below it: parents first, names in ascending byte order. Symlinks below are met,
   * not followed. The union may be changed meanwhile: each directory is listed when its turn comes.
   */
  walk(
    path?: PathLike,
    options?: UnionWalkOptions & { readonly encoding?: BufferEncoding | undefined },
  ): AsyncIterable<UnionWalkEntry>;
  walk(
    path: PathLike,
    options: UnionWalkOptions & { readonly encoding: "buffer" },
  ): AsyncIterable<UnionWalkEntry<Buffer>>;
  walk(path?: PathLike, options?: UnionWalkOptions): AsyncIterable<UnionWalkEntry<string | Buffer>> {
    return this.#walk(path, options);
  }

  /** Waits for the changes that are under way; all others fail with EROFS from then on. Not in `node:fs`. */
  async freeze(): Promise<void> {
    await coreOf(this).freeze();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned?.[Symbol.asyncDispose]();
  }
}

/**
 * Puts a file system that takes changes above others that do not.
 *
 * @example
 * await using fs = unionFs({ lowers: [image.fs] });
 * await fs.writeFile("/etc/motd", "hello\n");
 * const layer = changesetTar(await listUpper(fs), ociWhiteouts);
 */
export function unionFs(init: UnionFsInit): UnionFs {
  return new UnionFs(init);
}
