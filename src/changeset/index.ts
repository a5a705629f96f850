/**
 * changeset: what makes one tree out of another, created from directories and applied to them.
 *
 * - A {@link ListedTree} is a whole tree that can be compared: {@link directoryTree} of a real directory, {@link overlayTree} of
 *   what an overlay of directories would show, {@link mergedTreeListing} of a view of an image. Any two go together.
 * - A {@link Changeset} is what makes the upper out of the lower: its changes, and the tar of the layer that holds them.
 *   {@link createChangeset} walks over both trees; {@link createOverlayChangeset} reads the upper directory of an overlay
 *   alone, which is as quick as the change is small; {@link changesetOfDirectories} takes that way by itself where it can.
 * - {@link directoryTar} is the layer that holds all of a directory, written while the directory is listed.
 * - A {@link Notice} tells what could not be told: sockets, files that vanished, what is mounted inside.
 *
 * {@link applyChangesets} makes a directory what it is after the changesets: whiteouts carried out, names and links resolved
 * inside, everything decided before the first file is written.
 *
 * @example
 * const { isEmpty, changes, tar } = await createChangeset(await directoryTree("before"), await directoryTree("after"));
 * for (const { kind, path } of changes) console.log(kind, path);
 * if (!isEmpty) await pipeline(tar(), createWriteStream("layer.tar"));
 *
 * @example
 * await using scratch = createLocalScratch();
 * await applyChangesets("rootfs", [() => openFile("layer.tar.gz")], { scratch });
 *
 * @module
 */
export type { Notice } from "../directory/index.ts";
export { applyChangesets } from "./apply/apply-changesets.ts";
export type { ApplyLimits, ApplyOptions, ChangesetInput } from "./apply/apply-options.ts";
export { type ChangesetOfDirectoriesOptions, changesetOfDirectories } from "./changeset-of-directories.ts";
export {
  type Changeset,
  type ChangesetOutput,
  type CreateChangesetOptions,
  createChangeset,
} from "./create-changeset.ts";
export { type DirectoryTar, directoryTar } from "./directory-tar.ts";
export { type DirectoryTreeOptions, directoryTree } from "./directory-tree.ts";
export type { ListedTree, ReadableFile } from "./listed-tree.ts";
export { mergedTreeListing, type TreeContents } from "./merged-tree-listing.ts";
export { createOverlayChangeset, type OverlayChangesetOptions } from "./overlay/create-overlay-changeset.ts";
export { type MountedOverlay, overlayMountAt } from "./overlay/overlay-mount-at.ts";
export type { OverlayDialect, OverlayPlace } from "./overlay/overlay-place.ts";
export { type OverlayTreeOptions, overlayTree } from "./overlay/overlay-tree.ts";
