/**
 * directory: trees of images as directories of this machine, read and written.
 *
 * Writing knows two tasks: {@link extractMergedTree} writes all of a tree, {@link extractChanges} what one layer changes:
 * in a directory that holds the lower layers, or into an upper directory of overlayfs, with whiteouts.
 * {@link changesOfLayer} derives those changes from the merged tree, so that no name of a layer is ever resolved on disk.
 *
 * Everything is decided before the first file is made. Then directories are opened beneath the open root, component by
 * component without following anything, and files are created exclusively in them: who swaps a directory for a symlink
 * meanwhile makes the extraction fail, not escape. {@link fillDirectory} lets a directory appear whole, whatever happens
 * to the process that fills it.
 *
 * Trees are as deep as they like: whoever walks one reaches what is in it by short paths ({@link enter}).
 *
 * Reading gives a directory as a layer: {@link listDirectory}, {@link walkDirectory} where each entry is needed once, and
 * {@link upperDirectory} for one that a union mount wrote to.
 *
 * @example
 * const report = await extractMergedTree("rootfs", tree, { openTar: (layer) => openFile(tars[layer]) });
 * for (const { path, what, reason } of report.skipped) console.warn(path, what, reason);
 *
 * @module
 */
export { changesOfLayer } from "./changes-of-layer.ts";
export { copyTree } from "./copy-tree.ts";
export { describeFile, describeLink, entryOfStatus, entryTypeOf, namesInOrder } from "./describe-file.ts";
export { extractChanges } from "./extract-changes.ts";
export { extractMergedTree } from "./extract-merged-tree.ts";
export type {
  ExtractChangesOptions,
  ExtractionSource,
  ExtractOptions,
  ExtractReport,
  SkippedPart,
  WhiteoutStyle,
} from "./extract-options.ts";
export { fillDirectory } from "./fill-directory.ts";
export { type ListDirectoryOptions, listDirectory } from "./list-directory.ts";
export type { ListedFile, OpenedFile } from "./listed-file.ts";
export { FileNumbers, type FilePlaces, type ListedDirectory, listedFiles } from "./listed-files.ts";
export { measureTree, type TreeSize } from "./measure-tree.ts";
export type { Notice } from "./notice.ts";
export { type NotePlaces, type OverlayNotes, overlayNotesOf, withoutOverlayNotes } from "./overlay-notes.ts";
export { type Entered, enter, leave, type Reach, reach, within } from "./reach.ts";
export type { ChangedDirectory, ChangedFile, RemovedPath, TreeChanges } from "./tree-changes.ts";
export { type UpperDirectory, type UpperDirectoryOptions, type UpperStyle, upperDirectory } from "./upper-directory.ts";
export { type WalkedDirectory, walkDirectory } from "./walk-directory.ts";
