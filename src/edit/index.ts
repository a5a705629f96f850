/**
 * edit: images made of other images.
 *
 * What edits take and give is a `PlacedImage`: documents and layers without a lifecycle. An edit never changes its input;
 * layers that it does not touch stay the values they were, so that nobody reads or compresses them again; the configuration is
 * made anew with all fields that nobody here knows; history and diffIDs always tell of the same layers.
 *
 * - {@link EditContext}: where new layers lie, how they are compressed, when the edit was made.
 * - {@link writeLayer}: one pass makes a layer of a tar; {@link appendLayer} puts one on top of an image.
 * - {@link editConfig}, {@link rebaseImage} and {@link dropLayer} read no layer at all; {@link assertLayersFit} tells whether the layers
 *   of what came out still make a tree.
 * - {@link stepsOf}, {@link withSteps}: an image as the steps that made it, and an image of steps. All edits end there.
 * - {@link squashImage}, {@link removePath} and {@link normaliseTimes} rewrite layers; {@link editFiles} puts one on top, of what a
 *   function does to the files, or a plan of {@link FileEdit}s ({@link applyFileEdits}).
 * - {@link LoadFiles}: for edits that need files; layers are read when the first edit asks.
 *
 * @example
 * const layer = await writeLayer(tar, { scratch });
 * const patched = await appendLayer(image, layer, { scratch, step: { createdBy: "COPY app" } });
 *
 * @module
 */

export { appendLayer, type NewLayer } from "./append-layer.ts";
export { assertLayersFit, type NewStack } from "./assert-layers-fit.ts";
export { baseOf } from "./base-of.ts";
export type { ConfigChange, Healthcheck, NamedValues, SetChange } from "./config-change.ts";
export { dropLayer } from "./drop-layer.ts";
export { editConfig } from "./edit-config.ts";
export type { EditContext, EditStep } from "./edit-context.ts";
export { type EditFiles, editFiles } from "./edit-files.ts";
export { applyFileEdits } from "./edit-files-plan.ts";
export type { EditPath, FileEdit } from "./file-edit.ts";
export { type ImageStep, stepsOf, withSteps } from "./image-steps.ts";
export { type LoadedFiles, type LoadFiles, loadedFiles } from "./loaded-files.ts";
export { type NormalTimes, normaliseTimes } from "./normalise-times.ts";
export { otherNames } from "./other-names.ts";
export { filesOf, provenanceOf } from "./provenance-of.ts";
export { type RebaseImage, rebaseImage } from "./rebase-image.ts";
export { removePath } from "./remove-path.ts";
export { ScopedScratch } from "./scoped-scratch.ts";
export { type SquashOptions, squashImage } from "./squash-image.ts";
export { writeLayer } from "./write-layer.ts";
export type { WrittenLayer } from "./written-layer.ts";
