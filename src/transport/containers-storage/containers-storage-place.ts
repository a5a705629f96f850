import { StrataError } from "../../base/index.ts";
import { assertPlatform, type LayerSource, type PlacedImage, type Skipped } from "../../image/index.ts";
import { type DiffId, isDigest, platformOf } from "../../oci/index.ts";
import type { ImagePlace, ListedImage } from "../image-place.ts";
import type { ResolvedOptions } from "../open-options.ts";
import { onlyDriver, splitDriver } from "../storage-driver/choose-driver.ts";
import { chooseReference } from "../storage-driver/choose-reference.ts";
import { directoryLayer } from "../storage-driver/directory-layer.ts";
import {
  type DriverLayout,
  driverLayout,
  type LayerPlace,
  layerDirectory,
} from "../storage-driver/layer-directories.ts";
import { openSplitLayer } from "../storage-driver/split-layer.ts";
import { missingLayer } from "../storage-driver/storage-error.ts";
import { type StorageFiles, storageFiles } from "../storage-driver/storage-files.ts";
import { readStoredDocuments } from "./big-data.ts";
import {
  assertSameDiffIds,
  driversIn,
  type ImageRecord,
  type LayerRecord,
  readImages,
  readLayerChain,
} from "./storage-records.ts";

/** A root as one driver has it. */
interface PodmanRoot {
  readonly files: StorageFiles;
  readonly layout: DriverLayout;
  readonly options: ResolvedOptions;
  hold(resource: AsyncDisposable): void;
}

/**
 * The images that podman, buildah and skopeo keep below `path` (containers/storage), with none of them. Selectors are
 * `[DRIVER@]REF`.
 *
 * @throws StrataError `not-a-containers-storage`
 */
export async function openContainersStoragePlace(path: string, options: ResolvedOptions): Promise<ImagePlace> {
  const files = storageFiles(path);
  const drivers = driversIn(files);
  if (drivers.length === 0) throw notContainersStorage(path);
  const held: AsyncDisposable[] = [];
  const hold = (resource: AsyncDisposable): void => void held.push(resource);
  return {
    transport: "containers-storage",
    list: async () => (await readImages(files, await driverOf(files, drivers))).map(describe),
    open: async (selector) => {
      const { wanted, driver = await driverOf(files, drivers) } = splitDriver(selector, drivers);
      const images = await readImages(files, driver);
      const image = chooseReference(images, wanted, { describe });
      return await openImage({ files, layout: driverLayout(driver, "podman", path), options, hold }, image);
    },
    [Symbol.asyncDispose]: async () => {
      for (const resource of held.splice(0).reverse()) await resource[Symbol.asyncDispose]();
    },
  };
}

async function driverOf(files: StorageFiles, drivers: readonly string[]): Promise<string> {
  const used: string[] = [];
  for (const driver of drivers) if ((await readImages(files, driver)).length > 0) used.push(driver);
  return onlyDriver(files.root, drivers, used);
}

function describe({ id, names, digest }: ImageRecord): ListedImage {
  return {
    names,
    digest: isDigest(digest) ? digest : undefined,
    platforms: [],
    selector: `#${names[0] ?? id}`,
  };
}

async function openImage(root: PodmanRoot, image: ImageRecord): Promise<PlacedImage> {
  const { files, layout, options } = root;
  const maxBytes = options.limits.maxDocumentBytes;
  const { manifest, annotations, config } = await readStoredDocuments(files, { driver: layout.name, image }, maxBytes);
  const platform = platformOf(config.value);
  assertPlatform(options.platform, platform);
  const diffIds = config.value.rootfs.diff_ids;
  const chain = image.layer === undefined ? [] : await readLayerChain(files, layout.name, image.layer);
  assertSameDiffIds(files.pathOf(`${layout.name}-layers/layers.json`), chain, diffIds);
  const layers = await openLayers(root, chain, diffIds);
  return {
    names: image.names,
    manifest,
    annotations,
    config: { ...config, isSynthetic: false },
    platform,
    layers,
    skipped: layers.flatMap(skippedOf),
    storage: { driver: layout.name, "image-id": image.id },
  };
}

async function openLayers(
  root: PodmanRoot,
  chain: readonly LayerRecord[],
  diffIds: readonly DiffId[],
): Promise<LayerSource[]> {
  const layers: LayerSource[] = [];
  let below: LayerPlace | undefined;
  for (const [i, record] of chain.entries()) {
    const place = requireDirectory(root, record.id);
    layers.push(await openLayer(root, { record, diffId: diffIds[i] as DiffId, place, below }));
    below = place;
  }
  return layers;
}

interface LayerInit {
  readonly record: LayerRecord;
  readonly diffId: DiffId;
  readonly place: LayerPlace;
  readonly below: LayerPlace | undefined;
}

async function openLayer(root: PodmanRoot, { record, diffId, place, below }: LayerInit): Promise<LayerSource> {
  const { files, layout, options } = root;
  const { id: name, "compressed-diff-digest": compressed } = record;
  const link = layout.linkOf && (await files.line(layout.linkOf(name), /^[A-Z0-9]{1,64}$/));
  const storage = {
    "layer-id": name,
    ...(link && { link }),
    ...(compressed && { "compressed-diff-digest": compressed }),
    directory: place.path,
  };
  const journalName = `${layout.name}-layers/${name}.tar-split.gz`;
  const journal = await files.open(journalName);
  if (journal === undefined) return directoryLayer({ place, below, name, storage });
  const journalPath = files.pathOf(journalName);
  const layer = await openSplitLayer({ directory: place.path, journal, journalPath, name, diffId, storage }, options);
  root.hold(layer);
  return layer.blob;
}

function requireDirectory({ files, layout }: PodmanRoot, id: string): LayerPlace {
  if (files.names(`${layout.name}/${id}`).includes("composefs-data")) throw composefsLayer(files, id);
  const place = layerDirectory(files, layout, id);
  if (place !== undefined) return place;
  throw missingLayer(files.pathOf(layout.placesOf(id)[0]?.path ?? id), id, "is no directory");
}

function skippedOf(layer: LayerSource, number: number): Skipped[] {
  if (layer.kind !== "listing") return [];
  const reason = `there is no tar-split.gz for ${layer.name}; it was rebuilt as a changeset from the driver's directory, not bit for bit`;
  return [{ what: `the verification of layer ${number}`, reason }];
}

function composefsLayer({ root }: StorageFiles, id: string): StrataError {
  return new StrataError({
    code: "unsupported-layer",
    kind: "unsupported",
    message: `Cannot read the layer ${id} in ${root}: it is kept for composefs, its files by digest and not by name`,
    details: { path: root },
    hint: "Save the image with podman or skopeo, and open the archive",
  });
}

function notContainersStorage(path: string): StrataError {
  return new StrataError({
    code: "not-a-containers-storage",
    kind: "malformed",
    message: `${path} holds no images of podman or buildah: it has no DRIVER-images/images.json`,
    details: { path },
    hint: "Write the root before the image: containers-storage:ROOT#IMAGE",
  });
}
