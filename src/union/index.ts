/**
 * union: layers become one tree, and each path remembers what every layer did to it.
 *
 * {@link mergeLayers} acts out the plans of the layers from the base up and returns a {@link MergedTree}. A place in it is
 * a *slot*; what lies there is a {@link MergedNode}, which knows the layer and the entry it came from. A path that was
 * replaced or deleted keeps its slot: {@link MergedTree.history} tells its story, {@link MergedTree.changes} a layer's.
 *
 * @example
 * const tree = mergeLayers([base, update]);
 * const slot = tree.find("etc/motd", { followLast: true });
 * if (slot !== NOT_FOUND) console.log(tree.node(slot).layer);
 * for (const change of tree.changes(1)) console.log(change.kind, tree.pathOf(change.slot));
 *
 * @module
 */
export type { LayerChange, MetadataField } from "./layer-change.ts";
export { mergeLayers } from "./merge-layers.ts";
export { MergedNode } from "./merged-node.ts";
export { MergedTree } from "./merged-tree.ts";
export type { ChangeCause, Slot } from "./union-state.ts";
export { NOT_DIRECTORY, NOT_FOUND, TOO_MANY_LINKS } from "./walk-path.ts";
