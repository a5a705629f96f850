/**
 * erofs: a merged tree as a file system image of Linux that holds everything but the data of files. They stay where they
 * are, in the layers' uncompressed tars: nothing is extracted, and one mount shows the whole image.
 *
 * - An *image* has blocks of 512 bytes, those of tar, so that a file's data are blocks of the tar that it came with. Linux mounts
 *   such images since 6.4, from a plain file since 6.12, from a loop device before.
 * - A *device* is what an image points into beside itself: the tar of a layer. {@link ErofsImage.deviceLayers} names them in the
 *   order of their numbers; a mount names them in the same order, `device=PATH` for each.
 * - {@link writeErofs} lays out a tree and writes it from the first byte to the last. What lies in no whole block of a tar is
 *   copied into the image: pieces of some sparse files.
 * - {@link sampleErofs} is the smallest image: does this kernel mount such things?
 * - {@link readErofs} reads an image without a kernel, {@link readSuperblock} its head alone: for checks.
 *
 * @example
 * const image = await writeErofs(tree, { sink, uuid, escapeOverlay: true });
 * const options = ["ro", ...image.deviceLayers.map((layer) => `device=${pathOfTar(layer)}`)];
 * mountFileSystem({ type: "erofs", source: pathOfImage, target, options });
 *
 * @module
 */
export type { OmittedXattr } from "./image-layout.ts";
export { type ErofsChunk, type ErofsContents, type ErofsFile, readErofs } from "./read-erofs.ts";
export { readSuperblock } from "./read-superblock.ts";
export { sampleErofs } from "./sample-erofs.ts";
export type { DeviceSlot, Superblock } from "./superblock.ts";
export { type ErofsImage, type ErofsSink, type WriteErofsOptions, writeErofs } from "./write-erofs.ts";
