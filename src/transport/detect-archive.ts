import { type ByteString, StrataError } from "../base/index.ts";
import type { LocatedSource } from "../content/index.ts";
import { openDockerArchivePlace } from "./docker-archive/docker-archive-place.ts";
import type { ImagePlace } from "./image-place.ts";
import { createLayerTarPlace } from "./layer-tar/layer-tar-place.ts";
import { openOciLayoutPlace } from "./oci-layout/oci-layout-place.ts";
import type { ResolvedOptions } from "./open-options.ts";
import { openTarMembers, type TarMembers } from "./tar-members.ts";

/** Image archives show what they are among their first members; root file systems have very many. */
const PATIENCE = 1000;
const ARCHIVE_MEMBER =
  /^(?:manifest\.json|index\.json|oci-layout|repositories|blobs\/.*|[^/]+\/(?:json|VERSION|layer\.tar)|[0-9a-f:]{32,}[^/]*)$/;

/**
 * What an archive without a transport turns out to be, by its members. The source belongs to the place once there is
 * one: whoever gets an error instead disposes it.
 */
export async function openDetectedArchive(
  source: LocatedSource,
  place: string,
  options: ResolvedOptions,
): Promise<ImagePlace> {
  const members = await membersOfImageArchive(source, place, options);
  const kind = members === undefined ? "tar" : await archiveKind(members);
  if (members === undefined || kind === "tar") return createLayerTarPlace(source, place);
  return await (kind === "docker-archive"
    ? openDockerArchivePlace(members, options)
    : openOciLayoutPlace("oci-archive", members, options));
}

/** Undefined when so many members are no part of an image archive that a layer it is. */
async function membersOfImageArchive(
  source: LocatedSource,
  place: string,
  { signal }: ResolvedOptions,
): Promise<TarMembers | undefined> {
  const gaveUp = new StrataError({ code: "gave-up", kind: "internal", message: "This is no image archive" });
  let seen = 0;
  let isArchive = false;
  const onEntry = (name: ByteString): void => {
    isArchive ||= ARCHIVE_MEMBER.test(name);
    if (++seen > PATIENCE && !isArchive) throw gaveUp;
  };
  try {
    return await openTarMembers(source, place, { signal, onEntry });
  } catch (error) {
    if (error === gaveUp) return undefined;
    throw error;
  }
}

/** Which kind of archive its members make it; `manifest.json` decides first, as it does for docker. */
export async function archiveKind(members: TarMembers): Promise<"docker-archive" | "oci-archive" | "tar"> {
  if (await startsWith(members, "manifest.json", "[")) return "docker-archive";
  const isLayout = (await members.has("oci-layout")) || hasBlobs(members);
  if (isLayout && (await startsWith(members, "index.json", "{"))) return "oci-archive";
  return hasLegacyImage(members) ? "docker-archive" : "tar";
}

function hasBlobs(members: TarMembers): boolean {
  return [...members.names()].some((name) => /^blobs\/sha(?:256|512)(?:\/|$)/.test(name));
}

function hasLegacyImage(members: TarMembers): boolean {
  const names = new Set(members.names());
  return [...names].some((name) => /^[0-9a-f]{64}\/json$/.test(name) && names.has(name.replace(/json$/, "layer.tar")));
}

/** Whether the first character of a text that is no space is the given one. */
async function startsWith(members: TarMembers, name: string, character: string): Promise<boolean> {
  const source = await members.open(name);
  if (source === undefined) return false;
  const head = Buffer.alloc(64);
  const count = await source.read(head, 0);
  return head.toString("latin1", 0, count).trimStart().startsWith(character);
}
