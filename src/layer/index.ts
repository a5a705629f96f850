/**
 * layer: the table of contents of one layer, and what it does to the layers below.
 *
 * - {@link LayerIndex}: every entry of a layer's tar in tar order, columnar; {@link LayerIndexBuilder} collects it while
 *   the bytes pass by, {@link encodeLayerIndex} keeps it, {@link decodeLayerIndex} brings it back without copying.
 * - {@link WhiteoutCodec}: how a format writes deletions: {@link ociWhiteouts} in image layers, {@link overlayWhiteouts}
 *   in upper directories, {@link aufsWhiteouts} in branches.
 * - {@link planChangeset}: the one planner. It decides, purely, what a layer removes and places; whoever holds a tree acts.
 * - {@link ListedLayer}: a layer, or a whole tree, that is no tar. {@link compareTrees} says how two whole trees differ,
 *   {@link differenceOf} makes the changeset of that, and {@link changesetTar} writes any changeset, whoever listed it, as a tar.
 * - {@link WalkedTree}: a whole tree that is written while it is walked, by {@link treeTar}.
 *
 * @example
 * const builder = new LayerIndexBuilder();
 * await scanTar(source, (entry) => builder.add(entry));
 * const { removals, placements } = planChangeset(builder.finish());
 *
 * @example
 * const changes = await compareTrees(before.index, after.index, { isSameContent });
 * const { listed, whiteouts } = differenceOf(after, changes, before.index);
 * for await (const chunk of changesetTar(listed, whiteouts)) layer.write(chunk);
 *
 * @module
 */

export { type ChangesetTarOptions, changesetTar } from "./changeset-tar.ts";
export type { Columns } from "./columns.ts";
export type { ChangedField, TimePrecision } from "./compare-entries.ts";
export { type CompareTreesOptions, compareTrees, type TreeChange } from "./compare-trees.ts";
export { differenceOf, type TreeDifference } from "./difference-of.ts";
export { decodeLayerIndex, encodeLayerIndex } from "./encode-layer-index.ts";
export { BLOCK, CHAR, DIRECTORY, ENTRY_TYPES, FIFO, FILE, HARDLINK, SYMLINK } from "./entry-kind.ts";
export { lastSlashIfClean, UNCLEAN } from "./entry-paths.ts";
export { LayerIndex } from "./layer-index.ts";
export { LayerIndexBuilder } from "./layer-index-builder.ts";
export type { FileContents, FileReader, ListedLayer, WalkedTree } from "./listed-layer.ts";
export {
  type ChangesetPlacement,
  type ChangesetPlan,
  type ChangesetRemoval,
  planChangeset,
} from "./plan-changeset.ts";
export { assertNameFitsLayer, assertNamesFitLayer } from "./reserved-names.ts";
export { type TreeTarOptions, treeTar } from "./tree-tar.ts";
export { whereIs } from "./where-is.ts";
export {
  aufsWhiteouts,
  type EntryMeaning,
  type EntryPlace,
  markerOf,
  noWhiteouts,
  ociWhiteouts,
  overlayWhiteouts,
  type WhiteoutCodec,
} from "./whiteout-codec.ts";
