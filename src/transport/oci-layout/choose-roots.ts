import { type BlobPlace, namesOf, type SourceLimits, walkManifests } from "../../image/index.ts";
import { type Descriptor, type Digest, isAttestation, mediaKind, platformDistance } from "../../oci/index.ts";
import { describeSelector, findByName, imageNotFound, severalImages } from "../choose-image.ts";
import type { Selector } from "../image-name.ts";
import type { ListedImage } from "../image-place.ts";

/** What lies at the entrance of a place, and how to look behind it. */
export interface Entrance {
  readonly blobs: BlobPlace;
  /** As in `index.json`. */
  readonly roots: readonly Descriptor[];
  readonly limits: SourceLimits;
}

/** The descriptors, at the entrance or deeper, among which only the platform is left to choose. */
export async function chooseRoots(entrance: Entrance, selector: Selector | undefined): Promise<readonly Descriptor[]> {
  if (selector === undefined) {
    const groups = groupByName(entrance.roots);
    if (groups.length > 1) throw severalImages(await listEntrance(entrance));
    // Where everything is passed over the walk will say what it was.
    return groups[0]?.map(({ descriptor }) => descriptor) ?? entrance.roots;
  }
  const found = await findRoots(entrance, selector);
  if (found.length > 0) return found;
  throw imageNotFound(describeSelector(selector), await listEntrance(entrance));
}

async function findRoots({ blobs, roots, limits }: Entrance, selector: Selector): Promise<readonly Descriptor[]> {
  switch (selector.kind) {
    case "position":
      return roots.slice(selector.position, selector.position + 1);
    case "name": {
      const named = findByName(roots, selector.name, namesOf);
      if (named.length > 0) return named;
      const { leaves } = await walkManifests(blobs, roots, limits);
      return findByName(leaves, selector.name, ({ names }) => names).map(({ descriptor }) => descriptor);
    }
    case "digest":
      return [
        roots.find(({ digest }) => digest === selector.digest) ?? (await anyBlob(blobs, selector.digest)),
      ].flatMap((root) => root ?? []);
  }
}

/** A manifest that no index at the entrance lists can still be asked for by its digest. */
async function anyBlob(blobs: BlobPlace, digest: Digest): Promise<Descriptor | undefined> {
  const source = await blobs.open(digest, "manifest");
  if (source === undefined) return undefined;
  await source[Symbol.asyncDispose]();
  return { mediaType: "", digest, size: source.size };
}

interface Root {
  readonly descriptor: Descriptor;
  readonly position: number;
}

/**
 * One group for each image: descriptors with a common name are one image for several platforms, and so are those
 * without a name as long as each is for another platform. The same digest twice is one image with two names.
 */
function groupByName(roots: readonly Descriptor[]): Root[][] {
  const groups = new Map<string, Root[]>();
  const keyOfDigest = new Map<string, string>();
  for (const [position, descriptor] of roots.entries()) {
    if (isPassedOver(descriptor)) continue;
    const [name] = namesOf(descriptor);
    const key =
      keyOfDigest.get(descriptor.digest) ??
      (name === undefined ? unnamedKey(descriptor, position, groups) : `name ${name}`);
    keyOfDigest.set(descriptor.digest, key);
    groups.set(key, [...(groups.get(key) ?? []), { descriptor, position }]);
  }
  return [...groups.values()];
}

function unnamedKey({ platform }: Descriptor, position: number, groups: ReadonlyMap<string, readonly Root[]>): string {
  const others = groups.get("unnamed") ?? [];
  const isOther = ({ descriptor }: Root): boolean =>
    platform !== undefined &&
    descriptor.platform !== undefined &&
    platformDistance(platform, descriptor.platform) !== 0;
  return others.every(isOther) ? "unnamed" : `position ${position}`;
}

/** Attestations and artifacts at the entrance are no images that one could choose. */
function isPassedOver(descriptor: Descriptor): boolean {
  const { mediaType } = descriptor;
  const isImage = mediaType === "" || ["index", "manifest", "schema1"].includes(mediaKind(mediaType));
  return !isImage || isAttestation(descriptor);
}

/** The images at the entrance, with the platforms that descriptors tell. */
export async function listEntrance({ blobs, roots, limits }: Entrance): Promise<ListedImage[]> {
  const listed: ListedImage[] = [];
  for (const group of groupByName(roots)) {
    const names = [...new Set(group.flatMap(({ descriptor }) => namesOf(descriptor)))];
    const [first] = group;
    const descriptors = group.map(({ descriptor }) => descriptor);
    // A list must not fail because of one image in it that is incomplete.
    const tree = await walkManifests(blobs, descriptors, limits).catch(() => ({ leaves: [] }));
    const platforms = tree.leaves.flatMap(({ descriptor }) => descriptor.platform ?? []);
    const selector = names[0] === undefined ? `:@${first?.position ?? 0}` : `:${names[0]}`;
    listed.push({ names, platforms, digest: first?.descriptor.digest, selector });
  }
  return listed;
}
