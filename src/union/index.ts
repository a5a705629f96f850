/**
 * union: layers become one tree, and each path remembers what every layer did to it.
 *
 * {@link mergeLayers} acts out the plans of the layers from the base up. A {@link MergedTree} is what a container sees: a
 * place in it is a *slot*; what lies there is a {@link MergedNode}, which knows the layer and the entry it came from. It
 * comes as a {@link ProvenanceTree}, in which a path that was replaced or deleted keeps its slot
 * ({@link ProvenanceTree.history} tells its story, {@link ProvenanceTree.changes} a layer's), or as a {@link FlatTree},
 * which has no history and can be kept ({@link encodeFlatTree}). {@link mergeFiles} is for those who want no history:
 * mostly the lowest layer is such a table already. {@link mergeLayersOnto} adds layers to one;
 * {@link rememberedTree} and {@link mergeOnShared} find out what was kept of a chain and go on from there.
 *
 * @example
 * const tree = mergeLayers([base, update]);
 * const slot = tree.find("etc/motd", { followLast: true });
 * if (slot !== NOT_FOUND) console.log(tree.node(slot).layer);
 * for (const change of tree.changes(1)) console.log(change.kind, tree.pathOf(change.slot));
 *
 * @module
 */
export { decodeFlatTree, encodeFlatTree } from "./encode-flat-tree.ts";
export { FlatTree } from "./flat-tree.ts";
export type { LayerChange, LayerEvent, LayerStep, MetadataField } from "./layer-change.ts";
export { type MergeFilesOptions, mergeFiles } from "./merge-files.ts";
export { mergeLayers, mergeLayersOnto } from "./merge-layers.ts";
export { entryOfNode, MergedNode } from "./merged-node.ts";
export type { MergedTree, PlacedSlot, TableTree } from "./merged-tree.ts";
export { ProvenanceTree } from "./provenance-tree.ts";
export type { Slot } from "./slot.ts";
export type { FlatColumns, TreeColumns } from "./tree-columns.ts";
export {
  type ChainOfLayers,
  MERGED_TREE_FORMAT,
  mergeOnShared,
  rememberedTree,
  rememberTree,
  type TreeMemory,
} from "./tree-memory.ts";
export type { ChangeCause } from "./union-state.ts";
export { NOT_DIRECTORY, NOT_FOUND, TOO_MANY_LINKS } from "./walk-path.ts";
