import { lstatSync } from "node:fs";
import { fileError } from "../../content/index.ts";
import type { UpperStyle } from "../../directory/index.ts";
import { unsupportedDriver } from "./storage-error.ts";
import type { StorageFiles } from "./storage-files.ts";

/** A directory with the files of a layer. */
export interface LayerPlace {
  /** Relative to the root, or absolute where {@link layerDirectory} gives it. */
  readonly path: string;
  /** How deletions are written there; `full-copy`: it is a whole root file system, lower layers included. */
  readonly style: UpperStyle | "full-copy";
}

/** How a storage driver lays out its layers: a closed set, one for each layout that plain directories can be read from. */
export interface DriverLayout {
  readonly name: string;
  /** Directories that may hold the files of a layer or container; the first that exists does. */
  placesOf(id: string): readonly LayerPlace[];
  /** The record with the layer's short name, for drivers that have one. */
  linkOf?(id: string): string;
  /** True: a container's directory already has what its init layer has. */
  readonly copiesInit: boolean;
}

/** Docker's `overlay2` and `fuse-overlayfs`, podman's `overlay`: `ID/diff`, with a short name in `ID/link`. */
function overlay(name: string, style: UpperStyle): DriverLayout {
  return {
    name,
    placesOf: (id) => [{ path: `${name}/${id}/diff`, style }],
    linkOf: (id) => `${name}/${id}/link`,
    copiesInit: false,
  };
}

/** Docker's first `overlay`: a layer is a whole root, hardlinked to the one below; a container has an upper on one. */
const FIRST_OVERLAY: DriverLayout = {
  name: "overlay",
  placesOf: (id) => [
    { path: `overlay/${id}/root`, style: "full-copy" },
    { path: `overlay/${id}/upper`, style: "overlay" },
  ],
  copiesInit: true,
};

const VFS: DriverLayout = {
  name: "vfs",
  placesOf: (id) => [{ path: `vfs/dir/${id}`, style: "full-copy" }],
  copiesInit: false,
};
const AUFS: DriverLayout = {
  name: "aufs",
  placesOf: (id) => [{ path: `aufs/diff/${id}`, style: "aufs" }],
  copiesInit: false,
};

const DOCKER: readonly DriverLayout[] = [
  overlay("overlay2", "overlay"),
  overlay("fuse-overlayfs", "fuse-overlayfs"),
  FIRST_OVERLAY,
  VFS,
  AUFS,
];
/** Podman mounts with the kernel or with fuse-overlayfs, into the same directories. */
const PODMAN: readonly DriverLayout[] = [overlay("overlay", "fuse-overlayfs"), VFS, AUFS];

/**
 * The layout of a driver, by the name that the engine gives it.
 * @throws StrataError `unsupported-storage-driver` for those that keep layers in devices and volumes (devicemapper,
 * btrfs, zfs) and for unknown ones
 */
export function driverLayout(driver: string, engine: "docker" | "podman", root: string): DriverLayout {
  const found = (engine === "docker" ? DOCKER : PODMAN).find(({ name }) => name === driver);
  if (found === undefined) throw unsupportedDriver(root, driver);
  return found;
}

/**
 * The directory that holds the files of a layer or container; undefined when there is none. A symlink in its place is
 * none: it would lead out of the root.
 */
export function layerDirectory(files: StorageFiles, layout: DriverLayout, id: string): LayerPlace | undefined {
  const place = layout.placesOf(id).find(({ path }) => isRealDirectory(files, path));
  return place && { ...place, path: files.pathOf(place.path) };
}

function isRealDirectory(files: StorageFiles, name: string): boolean {
  const parts = name.split("/");
  return parts.every((_, i) => {
    const path = files.pathOf(parts.slice(0, i + 1).join("/"));
    try {
      return lstatSync(path).isDirectory();
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
      throw fileError(error, path);
    }
  });
}
