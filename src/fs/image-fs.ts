import type * as promises from "node:fs/promises";
import type { SparseRun } from "../tar/index.ts";
import type { MergedTree } from "../union/index.ts";
import { constants } from "./constants.ts";
import type { FileContents } from "./file-contents.ts";
import { findSlot } from "./find-slot.ts";
import type { ImageDir, OpendirOptions } from "./image-dir.ts";
import { ImageFileHandle } from "./image-file-handle.ts";
import { type ImageMetadata, metadataOf, type XattrOptions } from "./image-metadata.ts";
import { type PathLike, parsePath } from "./image-path.ts";
import { ImageReadStream, type ReadStreamOptions } from "./image-read-stream.ts";
import { decoderFor, optionsOf } from "./name-encoding.ts";
import { type NodeFs, toNodeFs } from "./node-fs.ts";
import { assertWhole, findToOpen, openContent, readContentSync } from "./open-content.ts";
import type { OpenFlags } from "./open-flags.ts";
import type { ReadFileOptions } from "./reading-handle.ts";
import { refuseWrite } from "./refused-writes.ts";
import { type DescribeLayer, type WalkEntry, type WalkOptions, walkImage } from "./walk-image.ts";

/** What an {@link ImageFs} may know beside tree and bytes. */
export interface ImageFsOptions {
  /** Tells what made a layer; {@link ImageFs.walk} passes it on. */
  readonly describeLayer?: DescribeLayer | undefined;
}

type Promises = typeof promises;

/** `readFile`: bytes, or text when an encoding is given. */
export interface ReadFile {
  (
    file: PathLike | ImageFileHandle,
    options?: (ReadFileOptions & { readonly encoding?: null | undefined }) | null,
  ): Promise<Buffer>;
  (
    file: PathLike | ImageFileHandle,
    options: BufferEncoding | (ReadFileOptions & { readonly encoding: BufferEncoding }),
  ): Promise<string>;
  (file: PathLike | ImageFileHandle, options?: ReadFileOptions | BufferEncoding | null): Promise<string | Buffer>;
}

/**
 * The files of an image, shaped like `node:fs/promises`: the same names, arguments, results and errors, over one merged
 * tree. Nothing of the host is ever seen: relative paths begin at the image's root, and no symlink or `..` leaves it.
 *
 * All functions can be taken off it (`const { readFile } = image.fs`). It holds no resource of its own; what it opens
 * dies with the image. For libraries that want the classic module with callbacks and `…Sync`, pass {@link node}.
 */
export class ImageFs {
  readonly constants = constants;

  /** Rejects with EROFS when W_OK is asked, with EACCES for X_OK on a file that has no x bit, as the kernel to root. */
  readonly access: Promises["access"];
  /** Whether a path leads to something; never rejects. */
  readonly exists: (path: PathLike) => Promise<boolean>;
  readonly stat: Promises["stat"];
  readonly lstat: Promises["lstat"];
  /** `parentPath` of a dirent may be a Buffer; see `ImageDirent`. */
  readonly readdir: Promises["readdir"];
  readonly readlink: Promises["readlink"];
  /** Physical, as `realpath(3)` and Node's own promise: `..` after a symlink is the parent of its target. */
  readonly realpath: Promises["realpath"];
  readonly opendir: (path: PathLike, options?: OpendirOptions) => Promise<ImageDir>;
  /** The value of an extended attribute; ENODATA when there is none. Not in `node:fs`. */
  readonly getxattr: (path: PathLike, name: string, options?: XattrOptions) => Promise<Buffer>;
  /** The full names of all extended attributes, sorted. Not in `node:fs`. */
  readonly listxattr: (path: PathLike, options?: XattrOptions) => Promise<string[]>;

  /** Where a sparse file has data, ascending; undefined for all others. Follows no symlink in the last place. Not in `node:fs`. */
  readonly dataRuns: (path: PathLike) => Promise<readonly SparseRun[] | undefined>;

  /** Opens a file or directory for reading. ENXIO for devices and pipes, EROFS for flags that write. */
  readonly open: (path: PathLike, flags?: OpenFlags, mode?: unknown) => Promise<ImageFileHandle>;
  readonly readFile: ReadFile;
  /** As `fs.createReadStream`: opening fails in the stream, not here. */
  readonly createReadStream: (path: PathLike, options?: ReadStreamOptions | BufferEncoding | null) => ImageReadStream;

  readonly appendFile = refuseWrite("appendFile");
  readonly chmod = refuseWrite("chmod");
  readonly chown = refuseWrite("chown");
  readonly copyFile = refuseWrite("copyFile");
  readonly cp = refuseWrite("cp");
  readonly lchmod = refuseWrite("lchmod");
  readonly lchown = refuseWrite("lchown");
  readonly link = refuseWrite("link");
  readonly lutimes = refuseWrite("lutimes");
  readonly mkdir = refuseWrite("mkdir");
  readonly mkdtemp = refuseWrite("mkdtemp");
  readonly rename = refuseWrite("rename");
  readonly rm = refuseWrite("rm");
  readonly rmdir = refuseWrite("rmdir");
  readonly symlink = refuseWrite("symlink");
  readonly truncate = refuseWrite("truncate");
  readonly unlink = refuseWrite("unlink");
  readonly utimes = refuseWrite("utimes");
  readonly writeFile = refuseWrite("writeFile");

  readonly #tree: MergedTree;
  readonly #contents: FileContents;
  readonly #describeLayer: DescribeLayer | undefined;
  readonly #metadata: ImageMetadata;
  #node: NodeFs | undefined;

  constructor(tree: MergedTree, contents: FileContents, options: ImageFsOptions = {}) {
    this.#tree = tree;
    this.#contents = contents;
    this.#describeLayer = options.describeLayer;
    const metadata = metadataOf(tree);
    this.#metadata = metadata;
    this.access = promised(metadata.access) as Promises["access"];
    this.exists = promised(metadata.exists);
    this.stat = promised(metadata.stat) as Promises["stat"];
    this.lstat = promised(metadata.lstat) as Promises["lstat"];
    this.readdir = promised(metadata.readdir) as Promises["readdir"];
    this.readlink = promised(metadata.readlink) as Promises["readlink"];
    this.realpath = promised(metadata.realpath) as Promises["realpath"];
    this.opendir = promised(metadata.opendir);
    this.getxattr = promised(metadata.getxattr);
    this.listxattr = promised(metadata.listxattr);
    this.dataRuns = promised(metadata.dataRuns);
    this.open = (path, flags) => this.#open(path, flags);
    this.readFile = ((file, options) => this.#readFile(file, options)) as ReadFile;
    this.createReadStream = (path, options) => this.#createReadStream(path, options);
  }

  /**
   * The same files, shaped like `node:fs`: what `glob`, `fast-glob`, bundlers and resolvers take as their `fs` option.
   *
   * @example
   * await glob("etc/**\/*.conf", { cwd: "/", fs: image.fs.node });
   */
  get node(): NodeFs {
    this.#node ??= toNodeFs(this, this.#metadata, (path, options) => this.#readFileSync(path, options));
    return this.#node;
  }

  /**
   * A path, which is resolved, and everything below it: parents first, names in ascending byte order. Symlinks below are
   * met, not followed. Rejects where `stat` would.
   */
  walk(
    path?: PathLike,
    options?: WalkOptions & { readonly encoding?: BufferEncoding | undefined },
  ): AsyncIterable<WalkEntry>;
  walk(path: PathLike, options: WalkOptions & { readonly encoding: "buffer" }): AsyncIterable<WalkEntry<Buffer>>;
  async *walk(path: PathLike = "/", options: WalkOptions = {}): AsyncIterable<WalkEntry<string | Buffer>> {
    const top = findSlot(this.#tree, parsePath(path), "stat");
    for (const entry of walkImage(this.#tree, top, { ...options, describeLayer: this.#describeLayer })) yield entry;
  }

  async #open(path: PathLike, flags: OpenFlags): Promise<ImageFileHandle> {
    const node = findToOpen(this.#tree, path, flags);
    return new ImageFileHandle(node, await openContent(this.#contents, node));
  }

  async #readFile(
    file: PathLike | ImageFileHandle,
    options?: ReadFileOptions | BufferEncoding | null,
  ): Promise<string | Buffer> {
    if (file instanceof ImageFileHandle) return file.readFile(options);
    const { encoding, flag } = optionsOf<ReadFileOptions>(options);
    decoderFor(encoding);
    const node = findToOpen(this.#tree, file, flag);
    assertWhole(node);
    await using handle = new ImageFileHandle(node, await openContent(this.#contents, node));
    return await handle.readFile(options);
  }

  #readFileSync(path: PathLike, options?: ReadFileOptions | BufferEncoding | null): string | Buffer {
    const { encoding, flag } = optionsOf<ReadFileOptions>(options);
    const decode = decoderFor(encoding);
    return decode(readContentSync(this.#contents, findToOpen(this.#tree, path, flag), parsePath(path)));
  }

  #createReadStream(path: PathLike, options?: ReadStreamOptions | BufferEncoding | null): ImageReadStream {
    const flags = typeof options === "object" ? options?.flags : undefined;
    return new ImageReadStream(parsePath(path).given, {
      open: () => this.#open(path, flags),
      options: options ?? null,
    });
  }
}

/** Answers later what is known at once; failures reject. */
function promised<A extends unknown[], R>(answer: (...args: A) => R): (...args: A) => Promise<R> {
  return async (...args) => answer(...args);
}
