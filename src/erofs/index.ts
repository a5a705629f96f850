/**
 * erofs: a merged tree as a file system image of Linux that holds everything but the data of files.
 *
 * @module
 */
export type { OmittedXattr } from "./image-layout.ts";
export { sampleErofs } from "./sample-erofs.ts";
export { type ErofsImage, type ErofsSink, type WriteErofsOptions, writeErofs } from "./write-erofs.ts";
