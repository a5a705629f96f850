/**
 * fs: the files of an image as programs know them, shaped like `node:fs/promises`, and read-only.
 *
 * - {@link ImageFs}: a `MergedTree` and the bytes of its files ({@link FileContents}, a port that whoever holds the
 *   layers implements) as one file system. Metadata is answered from memory; only content waits.
 * - `ImageFs.node`: the same as the classic module with callbacks and `…Sync`, for the `fs` option of other libraries.
 * - {@link exportTree}: the tree as one deterministic tar.
 *
 * Names are bytes; strings are UTF-8 unless an `encoding` says otherwise. Errors are Node's own: `code`, `errno`,
 * `syscall`, `path`. What writes fails with EROFS. Errors of the bytes themselves (a truncated layer, a wrong digest)
 * come through as `StrataError`.
 *
 * @example
 * const fs = new ImageFs(mergeLayers(indexes), { open: (layer, entry) => layers[layer].open(entry) });
 * await fs.readFile("/etc/os-release", "utf8");
 * for await (const entry of fs.walk("/etc")) console.log(entry.path, entry.layer.number);
 * await glob("usr/lib/**\/*.js", { cwd: "/", fs: fs.node });
 *
 * @module
 */
export { constants } from "./constants.ts";
export type { ErrnoCode } from "./errno-error.ts";
export { type ExportOptions, exportTree } from "./export-tree.ts";
export type { FileContents } from "./file-contents.ts";
export { ImageDir, type OpendirOptions } from "./image-dir.ts";
export { ImageDirent } from "./image-dirent.ts";
export { ImageFileHandle, type ReadFileOptions } from "./image-file-handle.ts";
export { ImageFs, type ImageFsOptions, type ReadFile } from "./image-fs.ts";
export type { StatOptions, XattrOptions } from "./image-metadata.ts";
export type { PathLike } from "./image-path.ts";
export { ImageReadStream, type ReadStreamOptions } from "./image-read-stream.ts";
export { ImageBigIntStats, ImageStats } from "./image-stats.ts";
export type { ReaddirOptions } from "./list-directory.ts";
export type { NameEncoding } from "./name-encoding.ts";
export type { NodeFs } from "./node-fs.ts";
export type { OpenFlags } from "./open-flags.ts";
export type { ReadOptions } from "./read-arguments.ts";
export { type DescribeLayer, type EntryLayer, WalkEntry, type WalkOptions } from "./walk-image.ts";
