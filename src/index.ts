/**
 * stratafs: opens container images as one file system, without a daemon, root or extraction.
 *
 * @example
 * import { openImage } from "stratafs";
 *
 * await using image = await openImage("docker-archive:nginx.tar");
 * console.log(await image.fs.readFile("/etc/os-release", "utf8"));
 * for (const layer of image.layers) console.log(layer.number, layer.diffId, layer.createdBy);
 * console.log(await image.blame("/etc/passwd"));
 *
 * @module stratafs
 */
export { type ApplyLayersOptions, applyLayers } from "./apply-layers.ts";
export { type ErrorDetails, type ErrorKind, StrataError } from "./base/index.ts";
export type { PathBlame } from "./blame-path.ts";
export type { Notice } from "./changeset/index.ts";
export { type CopyImageOptions, copyImage } from "./copy-image.ts";
export { type CreatedLayer, type CreateLayerOptions, createLayer } from "./create-layer.ts";
export { describeMachine, type MachineInfo } from "./describe-machine.ts";
export { type DiffTreesOptions, diffTrees, type TreeDifference } from "./diff-trees.ts";
export type { ExtractReport } from "./directory/index.ts";
export type { EditOptions } from "./draft-chain.ts";
export { draftImage } from "./draft-image.ts";
export type {
  ConfigChange,
  EditFiles,
  EditStep,
  Healthcheck,
  NamedValues,
  NormalTimes,
  SetChange,
  SquashOptions,
} from "./edit/index.ts";
export { applyFileEdits, type FileEdit } from "./edit/index.ts";
export type { ImageFs, UnionFs } from "./fs/index.ts";
export { hostFiles } from "./host-files.ts";
export type { CopyEvent, HistoryStep, ImageLayer, ImageSource, Limits, LoadEvent } from "./image/index.ts";
export { type ListedSnapshot, listSnapshots } from "./list-snapshots.ts";
export type { ComparedFile, ListedChange } from "./listed-change.ts";
export { type LoadedImage, loadImages } from "./load-images.ts";
export {
  listImageMounts,
  type MountImageOptions,
  mountImage,
  mountSnapshotAgain,
  removeSnapshot,
  type StorePlace,
  unmountImage,
} from "./mount-image.ts";
export { type OpenedDocuments, type OpenImageOptions, openDocuments } from "./open-documents.ts";
export { openImage } from "./open-image.ts";
export type { ImageDraft, ImageView, OpenedImage } from "./opened-image.ts";
export type { PlaceOptions } from "./place-options.ts";
export { type PullEvent, type PullImageOptions, type PullResult, pullImage } from "./pull-image.ts";
export type { ResolvedChange } from "./resolve-change.ts";
export { saveImages } from "./save-images.ts";
export { type ShowLayerOptions, showLayer } from "./show-layer.ts";
export type { DriverName, MountedSnapshot } from "./snapshot/index.ts";
export {
  type CheckEvent,
  type DiskUsage,
  type Fault,
  openStore,
  type PruneReport,
  type Removed,
  type Repair,
  type Store,
  type StoredImage,
} from "./store/index.ts";
export type { CopyResult, RegistryOptions } from "./transport/index.ts";
export type { UnpackEvent } from "./unpack/index.ts";
export type { UnpackNamedOptions } from "./unpack-place.ts";
export { type UnpackToDirectoryOptions, unpackToDirectory } from "./unpack-to-directory.ts";
