import { type ByteString, fromText, toText } from "../base/index.ts";
import type { SparseRun } from "../tar/index.ts";
import type { MergedTree, Slot } from "../union/index.ts";
import { assertInteger } from "./argument-error.ts";
import { constants } from "./constants.ts";
import { errnoError } from "./errno-error.ts";
import { findSlot } from "./find-slot.ts";
import { ImageDir, type OpendirOptions } from "./image-dir.ts";
import { type PathLike, parsePath } from "./image-path.ts";
import { ImageBigIntStats, ImageStats } from "./image-stats.ts";
import {
  type DirectoryListing,
  direntsOf,
  findDirectory,
  type ReaddirOptions,
  readDirectory,
} from "./list-directory.ts";
import { encoderFor, type NameEncoding, type NameOptions, optionsOf } from "./name-encoding.ts";

/** As of `fs.stat`. */
export interface StatOptions {
  readonly bigint?: boolean | undefined;
  /** False: undefined instead of ENOENT. */
  readonly throwIfNoEntry?: boolean | undefined;
}

/** Which file an extended attribute is asked of. */
export interface XattrOptions {
  /** Default true; false asks about a symlink itself. */
  readonly followSymlinks?: boolean | undefined;
}

/**
 * Every question about files that needs none of their bytes, answered at once: the one core of which the promises,
 * the callbacks and the `…Sync` functions are thin wrappings. All functions may be used without their object.
 */
export function metadataOf(tree: MergedTree) {
  return {
    stat: (path: PathLike, options?: StatOptions | null) => statPath(tree, path, { ...options, syscall: "stat" }),
    lstat: (path: PathLike, options?: StatOptions | null) => statPath(tree, path, { ...options, syscall: "lstat" }),
    access: (path: PathLike, mode?: number | null) => checkAccess(tree, path, mode ?? constants.F_OK),
    exists: (path: PathLike) => pathExists(tree, path),
    readlink: (path: PathLike, options?: NameOptions) => readLink(tree, path, options),
    realpath: (path: PathLike, options?: NameOptions) => realPath(tree, path, options),
    readdir: (path: PathLike, options?: ReaddirOptions | NameEncoding | null): DirectoryListing =>
      readDirectory(tree, path, options),
    opendir: (path: PathLike, options?: OpendirOptions) => openDirectory(tree, path, options),
    listxattr: (path: PathLike, options?: XattrOptions) =>
      [...xattrsOf(tree, path, "listxattr", options).keys()].map(toText).sort(),
    getxattr: (path: PathLike, name: string, options?: XattrOptions) => getXattr(tree, path, name, options),
    dataRuns: (path: PathLike) => dataRunsOf(tree, path),
  };
}

/** The functions of {@link metadataOf}. */
export type ImageMetadata = ReturnType<typeof metadataOf>;

function statPath(
  tree: MergedTree,
  path: PathLike,
  options: StatOptions & { readonly syscall: "stat" | "lstat" },
): ImageStats | ImageBigIntStats | undefined {
  const parsed = parsePath(path);
  let slot: Slot;
  try {
    slot = findSlot(tree, parsed, options.syscall, options.syscall === "stat");
  } catch (error) {
    if (options.throwIfNoEntry === false && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const node = tree.node(slot);
  return options.bigint === true ? new ImageBigIntStats(node) : new ImageStats(node);
}

/**
 * As root on a read-only mount: everything may be read, nothing written (EROFS), and a file executed only when
 * somebody has an x bit (EACCES otherwise, to root too). Directories may always be entered.
 */
function checkAccess(tree: MergedTree, path: PathLike, mode: number): void {
  const parsed = parsePath(path);
  assertInteger(mode, "mode", 0, constants.R_OK | constants.W_OK | constants.X_OK);
  const slot = findSlot(tree, parsed, "access");
  const call = { syscall: "access", path: parsed.text };
  if ((mode & constants.W_OK) !== 0) throw errnoError("EROFS", call);
  const wantsToRun = (mode & constants.X_OK) !== 0 && !tree.isDirectory(slot);
  if (wantsToRun && (tree.node(slot).mode & 0o111) === 0) throw errnoError("EACCES", call);
}

function pathExists(tree: MergedTree, path: PathLike): boolean {
  try {
    findSlot(tree, parsePath(path), "access");
    return true;
  } catch {
    return false;
  }
}

function readLink(tree: MergedTree, path: PathLike, options: NameOptions): string | Buffer {
  const parsed = parsePath(path);
  const encode = encoderFor(optionsOf(options).encoding);
  const node = tree.node(findSlot(tree, parsed, "readlink", false));
  if (node.type === "symlink") return encode(node.linkTarget);
  throw errnoError("EINVAL", { syscall: "readlink", path: parsed.text });
}

function realPath(tree: MergedTree, path: PathLike, options: NameOptions): string | Buffer {
  const encode = encoderFor(optionsOf(options).encoding);
  return encode(`/${tree.pathOf(findSlot(tree, parsePath(path), "realpath"))}`);
}

function openDirectory(tree: MergedTree, path: PathLike, options?: OpendirOptions): ImageDir {
  const parsed = parsePath(path);
  const { encoding, recursive } = optionsOf<OpendirOptions>(options);
  const directory = findDirectory(tree, parsed, "opendir");
  return new ImageDir(
    parsed.text,
    direntsOf(tree, directory, { path: parsed, encode: encoderFor(encoding), recursive }),
  );
}

function getXattr(tree: MergedTree, path: PathLike, name: string, options?: XattrOptions): Buffer {
  const value = xattrsOf(tree, path, "getxattr", options).get(fromText(name));
  if (value !== undefined) return Buffer.from(value);
  throw errnoError("ENODATA", { syscall: "getxattr", path: parsePath(path).text });
}

function dataRunsOf(tree: MergedTree, path: PathLike): readonly SparseRun[] | undefined {
  const { type, layer, entry } = tree.node(findSlot(tree, parsePath(path), "open", false));
  return type === "file" ? tree.layers[layer]?.sparse(entry) : undefined;
}

function xattrsOf(
  tree: MergedTree,
  path: PathLike,
  syscall: string,
  { followSymlinks = true }: XattrOptions = {},
): ReadonlyMap<ByteString, Uint8Array> {
  return tree.node(findSlot(tree, parsePath(path), syscall, followSymlinks)).xattrs;
}
