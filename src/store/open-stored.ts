import { type ByteSource, StrataError } from "../base/index.ts";
import {
  type BlobOrigin,
  chooseLeaf,
  diffIdsOf,
  type ImageSource,
  type LayerSource,
  type ManifestTree,
  missingBlob,
  openManifestImage,
  type PlatformChoice,
  walkManifests,
} from "../image/index.ts";
import { chainIds, type Descriptor, type Digest, formatPlatform } from "../oci/index.ts";
import { type FoundImage, findImage } from "./find-image.ts";
import { chainsOf, neededBy, rootOf } from "./image-graph.ts";
import { protect } from "./lease.ts";
import { namesByRoot } from "./list-images.ts";
import type { RecordReader } from "./metadata/records.ts";
import type { StoredChain } from "./store.ts";
import type { StoreParts } from "./store-parts.ts";
import { type StoredBlobs, storedBlobs } from "./with-tars.ts";

/** A found image that stays as long as its lease. */
export interface HeldImage {
  readonly target: Descriptor;
  /** All that it has. */
  readonly names: readonly string[];
  /** The one by which it was found; undefined when an id did it. */
  readonly name: string | undefined;
  readonly release: () => Promise<void>;
}

/** Opens one image of the store. @throws StrataError `image-not-found`, `platform-not-found`, `missing-blob` … */
export async function openStoredImage(parts: StoreParts, text: string, choice: PlatformChoice): Promise<ImageSource> {
  const { target, names, release } = await holdImage(parts, text);
  try {
    const tree = await walkManifests(parts.place, [target], choice.limits);
    const { documents, skipped } = await choosePresent(parts, tree, choice);
    const image = await openManifestImage(parts.place, documents);
    const blobs = storedBlobs(parts, () => parts.glance());
    return {
      ...image,
      layers: await layersInStore(parts, image.layers, blobs),
      names,
      skipped: [...tree.skipped, ...skipped, ...image.skipped],
      reference: text,
      transport: "store",
      [Symbol.asyncDispose]: async () => {
        await blobs[Symbol.asyncDispose]();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** See `Store.chain`. */
export async function storedChain(parts: StoreParts, text: string, choice: PlatformChoice): Promise<StoredChain> {
  const { target, remembered } = (await parts.glance()).read((records) => {
    const found = findImage(records, text);
    // Only the documents tell whether the image is for a platform that was asked for.
    return { target: found.target, remembered: choice.platform ? undefined : rememberedChain(records, found) };
  });
  if (remembered !== undefined) return remembered;
  const tree = await walkManifests(parts.place, [target], choice.limits);
  const { documents } = await choosePresent(parts, tree, choice);
  const diffIds = diffIdsOf(documents);
  return { diffIds, chainIds: chainIds(diffIds) };
}

/**
 * What the tables know of the documents of an image, which need not be read and checked then: undefined for no layers, and where
 * several manifests are here to choose from. The chainID vouches for the diffIDs, which it is the hash of.
 */
function rememberedChain(records: RecordReader, found: FoundImage): StoredChain | undefined {
  const manifest = manifestHere(found);
  const leaf = found.record.leaves.find((one) => one.manifest === manifest);
  if (leaf?.chainId === undefined) return undefined;
  const diffIds = chainsOf(records, { leaves: [leaf] }).map(({ diffId }) => diffId);
  diffIds.reverse();
  const chain = { diffIds, chainIds: chainIds(diffIds) };
  return chain.chainIds.at(-1) === leaf.chainId ? chain : undefined;
}

/** The manifest that is meant, as far as there is nothing to choose. */
function manifestHere({ record, target }: FoundImage): Digest | undefined {
  const here = record.parts.filter(({ role, isHere }) => role === "manifest" && isHere).map(({ digest }) => digest);
  if (here.includes(target.digest)) return target.digest;
  return here.length === 1 && target.digest === rootOf(record).digest ? here[0] : undefined;
}

/** Says of each layer how its blob is copied, and which registry has it. */
async function layersInStore(
  parts: StoreParts,
  layers: readonly LayerSource[],
  blobs: StoredBlobs,
): Promise<readonly LayerSource[]> {
  const origins = (await parts.glance()).read((records) =>
    layers.map(({ published }) => published && records.get("blob", published.digest)?.origin),
  );
  const inStore = async (layer: LayerSource, origin: BlobOrigin | undefined): Promise<LayerSource> => {
    if (layer.kind !== "blob" || layer.published === undefined) return layer;
    const { digest } = layer.published;
    const open = async (): Promise<ByteSource> => {
      const source = await blobs.open(digest);
      if (source === undefined) throw missingBlob(parts.place, digest, "layer");
      return source;
    };
    return { ...layer, ...(origin && { origin }), stored: { isHere: await blobs.isHere(digest), open } };
  };
  return await Promise.all(layers.map((layer, i) => inStore(layer, origins[i])));
}

/** Leases all that the image names, then makes sure that it is still there. */
export async function holdImage(parts: StoreParts, text: string): Promise<HeldImage> {
  const before = (await parts.glance()).read((records) => {
    const found = findImage(records, text);
    return { ...found, tars: chainsOf(records, found.record) };
  });
  const lease = await parts.lease();
  const release = async (): Promise<void> => await lease?.[Symbol.asyncDispose]();
  try {
    await protect(lease, [...neededBy(before.record), ...before.tars.map(({ diffId }) => diffId as string as Digest)]);
    const after = await parts.glance();
    const { key, target, name } = lease === undefined ? before : after.read((records) => findImage(records, text));
    if (key !== before.key) throw movedAway(text);
    const names = after.read(namesByRoot).get(key) ?? [];
    return { target, names, name, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Chooses among the manifests that are here: an index may be kept for one platform only. */
async function choosePresent(
  { place, content }: StoreParts,
  tree: ManifestTree,
  choice: PlatformChoice,
): ReturnType<typeof chooseLeaf> {
  const present: ManifestTree["leaves"][number][] = [];
  for (const leaf of tree.leaves) {
    if ((await content.stat(leaf.descriptor.digest)) !== undefined) present.push(leaf);
  }
  if (present.length === 0 || present.length === tree.leaves.length) return await chooseLeaf(place, tree, choice);
  try {
    return await chooseLeaf(place, { ...tree, leaves: present }, choice);
  } catch (error) {
    if (!(error instanceof StrataError) || error.code !== "platform-not-found") throw error;
    throw onlyOtherPlatforms(error, present, choice);
  }
}

function onlyOtherPlatforms(
  cause: StrataError,
  present: ManifestTree["leaves"],
  { platform, hostPlatform }: PlatformChoice,
): StrataError {
  const wanted = formatPlatform(platform ?? hostPlatform);
  const here = present.flatMap(({ descriptor }) => descriptor.platform ?? []).map(formatPlatform);
  return new StrataError({
    code: "platform-not-found",
    kind: "not-found",
    message: `The store has this image not for ${wanted} but for ${here.join(", ")}`,
    details: { platforms: here },
    hint: `Pull it again with --platform ${wanted}`,
    cause,
  });
}

function movedAway(text: string): StrataError {
  return new StrataError({
    code: "image-not-found",
    kind: "not-found",
    message: `The store's image ${JSON.stringify(text)} was replaced while it was opened`,
    details: { image: text },
    hint: "Try again",
  });
}
