/**
 * linux: what the kernel offers and Node does not, through FFI. The library is loaded at the first call.
 *
 * - Mounts: {@link mountFileSystem}, {@link mountOverlay}, {@link bindMount}, {@link attachLoop}, {@link unmount},
 *   {@link readMounts}; their failures are StrataErrors with the kernel's own words.
 * - What is possible here: {@link probeKernel} and {@link probeNamespaces}, which try it.
 * - Without root: {@link userNamespaceCommand}.
 *
 * Paths are `ByteString`s, links are not followed unless it is said, failures are errno errors in the form of Node's own.
 * Three calls work everywhere: {@link readXattrs} (elsewhere there are none), {@link tryLock} and {@link renameUnlessExists}
 * (elsewhere with less of a promise).
 *
 * @example
 * const capability = readXattrs("/usr/bin/ping").get("security.capability");
 *
 * @module
 */
export { type BindRequest, bindMount, setMountReadOnly } from "./bind-mount.ts";
export {
  createSubvolume,
  destroySubvolume,
  isSubvolumeReadOnly,
  SUBVOLUME_INODE,
  setSubvolumeReadOnly,
  snapshotSubvolume,
} from "./btrfs.ts";
export { cloneFile, copyRange, type FilePlace, punchHole } from "./copy-range.ts";
export { type DataRange, dataRanges, hasHoles } from "./data-ranges.ts";
export {
  type FileMaker,
  fileMaker,
  removeXattr,
  setMode,
  setModeAt,
  setOwner,
  setOwnerAt,
  setTimes,
  setTimesAt,
  setXattr,
  setXattrAt,
} from "./file-metadata.ts";
export { type FileStatus, sizeIfRegular, statusIfThere, statusOf, statusOfOpen } from "./file-status.ts";
export { type FileSystemFacts, fileSystemOf, syncFileSystem } from "./file-system.ts";
export {
  createFileAt,
  makeDirectoryAt,
  makeLinkAt,
  makeSpecialFileAt,
  makeSymlinkAt,
  type NameAt,
  namesIn,
  openDirectoryAt,
  openFileAt,
  removeDirectoryAt,
  removeTreeAt,
  renameAt,
  unlinkAt,
} from "./files-at.ts";
export { tryLock, unlock } from "./flock.ts";
export { type Fact, type KernelFacts, type ProbeOptions, probeKernel } from "./kernel-facts.ts";
export { isLinux } from "./libc.ts";
export { attachLoop, LoopDevice, type LoopOptions } from "./loop-device.ts";
export { type MountRequest, mountFileSystem } from "./mount.ts";
export { isMountPoint, type MountEntry, mountOf, parseMountInfo, readMounts } from "./mount-table.ts";
export { type NamespaceFacts, type NamespaceProbeOptions, probeNamespaces } from "./namespace-facts.ts";
export {
  type CommandLine,
  type IdRange,
  joinNamespacesCommand,
  type NamespaceOptions,
  readSubordinateIds,
  userNamespaceCommand,
} from "./namespaces.ts";
export {
  openDirectory,
  openDirectoryBeneath,
  openDirectoryByComponents,
  openFileBeneath,
  openInRoot,
} from "./open-beneath.ts";
export { mountOverlay, type OverlayRequest } from "./overlay-mount.ts";
export { hasManyIds, isRoot, mayMount, type ProcessFacts, readProcessFacts } from "./process-facts.ts";
export { renameUnlessExists } from "./rename.ts";
export {
  decodeDevice,
  encodeDevice,
  makeSpecialFile,
  type SpecialFile,
  setFileTimes,
} from "./special-file.ts";
export { type TypedName, typedNamesIn } from "./typed-names-in.ts";
export { type UnmountOptions, unmount } from "./unmount.ts";
export { WriteBack } from "./write-back.ts";
export { listXattrs, readXattr, readXattrs, writeXattr, xattrNames, xattrsOfOpen } from "./xattr.ts";
