/**
 * edit: images made of other images.
 *
 * What edits take and give is a `PlacedImage`: documents and layers without a lifecycle. An edit never changes its input;
 * layers that it does not touch stay the values they were, so that nobody reads or compresses them again; the configuration is
 * made anew with all fields that nobody here knows; history and diffIDs always tell of the same layers.
 *
 * - {@link EditContext}: where new layers lie, how they are compressed, when the edit was made.
 * - {@link writeLayer}: one pass makes a layer of a tar; {@link appendLayer} puts one on top of an image.
 * - {@link LoadFiles}: for edits that need files; layers are read when the first edit asks.
 *
 * @example
 * const layer = await writeLayer(tar, { scratch });
 * const patched = appendLayer(image, layer, { createdBy: "COPY app" }, { scratch });
 *
 * @module
 */
export type { EditContext, EditStep } from "./edit-context.ts";
export type { LoadedFiles, LoadFiles } from "./loaded-files.ts";
export { type WrittenLayer, writeLayer } from "./write-layer.ts";
