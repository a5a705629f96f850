import { promises as fs } from "node:fs";
import { StrataError } from "../base/index.ts";
import { fileError, type LocatedSource } from "../content/index.ts";
import { archiveKind, openDetectedArchive } from "./detect-archive.ts";
import { directoryMembers } from "./directory-members.ts";
import { openDockerArchivePlace } from "./docker-archive/docker-archive-place.ts";
import type { ImageName, Transport } from "./image-name.ts";
import type { ImagePlace } from "./image-place.ts";
import { createLayerTarPlace } from "./layer-tar/layer-tar-place.ts";
import { openOciLayoutPlace } from "./oci-layout/oci-layout-place.ts";
import { openArchive } from "./open-archive.ts";
import type { ResolvedOptions } from "./open-options.ts";
import { parseRegistryName } from "./registry/registry-name.ts";
import type { ResolvedPath } from "./resolve-path.ts";
import { createRootfsPlace } from "./rootfs/rootfs-place.ts";
import { isSkopeoDirectory, openSkopeoDirPlace } from "./skopeo-dir/skopeo-dir-place.ts";
import { openTarMembers } from "./tar-members.ts";

/**
 * Opens the place that a name and its resolved path mean; the format is detected where the name has no transport. What only some
 * names need is imported for them: a file is opened without a registry's client.
 */
export async function openPlace(name: ImageName, where: ResolvedPath, options: ResolvedOptions): Promise<ImagePlace> {
  const { transport } = name;
  if (where.kind === "registry") {
    const { openRegistryPlace } = await import("./registry/registry-place.ts");
    return openRegistryPlace(parseRegistryName(where.path), options);
  }
  if (where.kind === "storage") return await openStorage(where.path, transport, options);
  if (where.kind === "directory") return await openDirectory(where.path, transport, options);
  if (transport === "dir" || transport === "oci") throw notADirectory(where, transport);
  const source = await openArchive(where.path, options);
  try {
    if (source.size === 0) throw emptyArchive(where.path);
    return await openFilePlace(source, { transport, path: where.path }, options);
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

async function openStorage(
  path: string,
  transport: Transport | undefined,
  options: ResolvedOptions,
): Promise<ImagePlace> {
  if (transport === "docker-root") {
    const { openDockerRootPlace } = await import("./docker-root/docker-root-place.ts");
    return await openDockerRootPlace(path, options);
  }
  const { openContainersStoragePlace } = await import("./containers-storage/containers-storage-place.ts");
  return await openContainersStoragePlace(path, options);
}

async function openFilePlace(
  source: LocatedSource,
  { transport, path }: { readonly transport: Transport | undefined; readonly path: string },
  options: ResolvedOptions,
): Promise<ImagePlace> {
  if (transport === undefined) return await openDetectedArchive(source, path, options);
  if (transport === "tar") return createLayerTarPlace(source, path);
  const members = await openTarMembers(source, path, { signal: options.signal });
  if (transport === "oci-archive") return await openOciLayoutPlace(transport, members, options);
  // Newer tools write an OCI layout under docker's name, most of them with a manifest.json beside it.
  return (await archiveKind(members)) === "oci-archive"
    ? await openOciLayoutPlace("oci-archive", members, options)
    : await openDockerArchivePlace(members, options);
}

async function openDirectory(
  path: string,
  transport: Transport | undefined,
  options: ResolvedOptions,
): Promise<ImagePlace> {
  const members = directoryMembers(path);
  if (transport === "oci") return await openOciLayoutPlace("oci", members, options);
  if (transport !== undefined && transport !== "dir") throw notAFile(path, transport);
  if (await isSkopeoDirectory(members)) return await openSkopeoDirPlace(members, options);
  if (transport === "dir") return createRootfsPlace(path);
  if ((await members.has("oci-layout")) || (await members.has("index.json"))) {
    return await openOciLayoutPlace("oci", members, options);
  }
  if (await looksLikeRootfs(path)) return createRootfsPlace(path);
  throw unknownDirectory(path);
}

const ROOTFS_NAMES = ["bin", "usr", "etc", "lib", "sbin", "var", "Windows", "Program Files"];

async function looksLikeRootfs(path: string): Promise<boolean> {
  const names = await fs.readdir(path).catch((error: unknown) => {
    throw fileError(error, path);
  });
  return ROOTFS_NAMES.filter((name) => names.includes(name)).length >= 2;
}

function unknownDirectory(path: string): StrataError {
  return new StrataError({
    code: "unknown-format",
    kind: "invalid-argument",
    message: `The directory ${path} is no OCI layout and does not look like a root file system`,
    details: { path },
    hint: `If it is a root file system, say so: dir:${path}`,
  });
}

function emptyArchive(path: string): StrataError {
  return new StrataError({
    code: "empty-archive",
    kind: "malformed",
    message: path === "-" ? "Standard input is empty" : `${path} is empty`,
    hint: "The program that should have written the image may have failed",
  });
}

function notADirectory({ path }: ResolvedPath, transport: Transport): StrataError {
  return new StrataError({
    code: "not-a-directory",
    kind: "invalid-argument",
    message: `${transport}: needs a directory, but ${path} is none`,
    details: { path },
    hint: transport === "oci" ? "For an archive of a layout write oci-archive:" : "For a tar file write tar:",
  });
}

function notAFile(path: string, transport: Transport): StrataError {
  return new StrataError({
    code: "is-a-directory",
    kind: "invalid-argument",
    message: `${transport}: needs a file, but ${path} is a directory`,
    details: { path },
    hint: "Leave the transport out to have the format detected",
  });
}
