/**
 * fs: the files of an image as programs know them, shaped like `node:fs/promises`: to read, and to write without touching it.
 *
 * - {@link ImageFs}: a `MergedTree` and the bytes of its files ({@link FileContents}, a port that whoever holds the
 *   layers implements) as one file system, read-only. Metadata is answered from memory; only content waits.
 * - `ImageFs.node`: the same as the classic module with callbacks and `…Sync`, for the `fs` option of other libraries.
 * - {@link exportTree}: the tree as one deterministic tar.
 * - {@link unionFs}: *lowers*, which nobody changes, below one *upper*, which takes every change: what the kernel's overlayfs is to
 *   directories, for any file systems of the shape {@link FsLike}. A file is *copied up* before it is changed; a removed name
 *   leaves a *whiteout*; a directory made in an old one's place is *opaque*. {@link listUpper} reads the upper as a changeset.
 * - {@link MemoryFs}: the upper where none is given. {@link rootedAt}: a directory of the host as one.
 *
 * Names are bytes; strings are UTF-8 unless an `encoding` says otherwise. Errors are Node's own: `code`, `errno`,
 * `syscall`, `path`. What writes to an image fails with EROFS. Errors of the bytes themselves (a truncated layer, a wrong digest)
 * come through as `StrataError`.
 *
 * @example
 * const image = new ImageFs(mergeLayers(indexes), { open: (layer, entry) => layers[layer].open(entry) });
 * await image.readFile("/etc/os-release", "utf8");
 * for await (const entry of image.walk("/etc")) console.log(entry.path, entry.layer.number);
 * await glob("usr/lib/**\/*.js", { cwd: "/", fs: image.node });
 *
 * await using edited = unionFs({ lowers: [image] });
 * await edited.rm("/usr/share/doc", { recursive: true });
 * await edited.appendFile("/etc/motd", "patched\n");
 * const tar = changesetTar(await listUpper(edited), ociWhiteouts); // the whiteout and the one file, with its directories
 *
 * @module
 */
export { constants } from "./constants.ts";
export type { ErrnoCode } from "./errno-error.ts";
export { type ExportOptions, exportTree } from "./export-tree.ts";
export type { FileContents } from "./file-contents.ts";
export { FileBigIntStats, FileStats } from "./file-stats.ts";
export type {
  ContentReference,
  DirentLike,
  FsLike,
  FsPath,
  HandleLike,
  ReadFsLike,
  ReadHandleLike,
  StatsLike,
} from "./fs-like.ts";
export { ImageDir, type OpendirOptions } from "./image-dir.ts";
export { ImageDirent } from "./image-dirent.ts";
export { ImageFileHandle } from "./image-file-handle.ts";
export { ImageFs, type ImageFsOptions, type ReadFile } from "./image-fs.ts";
export type { StatOptions, XattrOptions } from "./image-metadata.ts";
export type { PathLike } from "./image-path.ts";
export { ImageReadStream, type ReadStreamOptions } from "./image-read-stream.ts";
export { ImageBigIntStats, ImageStats } from "./image-stats.ts";
export type { ReaddirOptions } from "./list-directory.ts";
export { MemoryFs, type MemoryFsOptions } from "./memory/memory-fs.ts";
export type { Spill, SpillFile } from "./memory/spill.ts";
export type { NameEncoding } from "./name-encoding.ts";
export type { NodeFs } from "./node-fs.ts";
export type { OpenFlags } from "./open-flags.ts";
export type { ReadOptions } from "./read-arguments.ts";
export type { ReadFileOptions } from "./reading-handle.ts";
export { type HostAttributes, type RootedPromises, rootedAt } from "./rooted-at.ts";
export type { TimeArgument } from "./time-argument.ts";
export type { CopyOptions } from "./union/copy-tree.ts";
export { type ListUpperOptions, listUpper } from "./union/list-upper.ts";
export type { NodeUnionFs } from "./union/node-union-fs.ts";
export type { MkdirOptions, RmOptions } from "./union/union-edits.ts";
export { UnionFileHandle, type WriteFileOptions } from "./union/union-file-handle.ts";
export { UnionFs, type UnionFsInit, type UnionReadFile, unionFs } from "./union/union-fs.ts";
export type { UnionWalkEntry, UnionWalkOptions } from "./union/union-metadata.ts";
export { UnionWriteStream, type WriteStreamOptions } from "./union/union-write-stream.ts";
export type { WriteData } from "./union/write-data.ts";
export { type DescribeLayer, type EntryLayer, WalkEntry, type WalkOptions } from "./walk-image.ts";
