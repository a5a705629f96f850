import { StrataError } from "../../base/index.ts";
import { assertPlatform, type PlacedImage } from "../../image/index.ts";
import { chainIdOf, MEDIA_TYPE, platformOf } from "../../oci/index.ts";
import { describeSelector, imageNotFound, severalImages } from "../choose-image.ts";
import type { Selector } from "../image-name.ts";
import type { ImagePlace, ListedImage } from "../image-place.ts";
import type { ResolvedOptions } from "../open-options.ts";
import { driverLayout } from "../storage-driver/layer-directories.ts";
import { severalDrivers } from "../storage-driver/storage-error.ts";
import { type StorageFiles, storageFiles } from "../storage-driver/storage-files.ts";
import { findReference } from "./choose-reference.ts";
import { openContainerLayers, readContainers, readMount, type StoredContainer } from "./container.ts";
import { containerConfig } from "./container-config.ts";
import { driversIn, readImageStore, readStoredConfig, type StoredImage } from "./image-store.ts";
import { readLayerChain } from "./layer-store.ts";
import { type DriverRoot, openStoredLayers } from "./stored-layers.ts";

const CONTAINER = "container:";

/**
 * The images and containers in a data root of docker (`/var/lib/docker`), this machine's or another's, with no daemon.
 * Selectors are `[DRIVER@]REF` and `[DRIVER@]container:ID-OR-NAME`.
 *
 * @throws StrataError `not-a-docker-root`
 */
export async function openDockerRootPlace(path: string, options: ResolvedOptions): Promise<ImagePlace> {
  const files = storageFiles(path);
  const drivers = driversIn(files);
  if (drivers.length === 0) throw notADockerRoot(path);
  const held: AsyncDisposable[] = [];
  const hold = (resource: AsyncDisposable): void => void held.push(resource);
  const rootOf = (driver: string): DriverRoot => {
    return { files, layout: driverLayout(driver, "docker", path), options, hold };
  };
  return {
    transport: "docker-root",
    list: async () => await listImages(files, await chooseDriver(files, drivers, undefined)),
    open: async (selector) => {
      const { wanted, asked } = splitDriver(selector, drivers);
      const driver = await chooseDriver(files, drivers, asked);
      if (wanted?.startsWith(CONTAINER) === true) {
        return await openContainer(rootOf(driver), await findContainer(files, wanted.slice(CONTAINER.length)));
      }
      const images = await readImageStore(files, driver);
      const image = choose(images.images, wanted, await listImages(files, driver));
      return await openImage(rootOf(driver), image);
    },
    [Symbol.asyncDispose]: async () => {
      for (const resource of held.splice(0).reverse()) await resource[Symbol.asyncDispose]();
    },
  };
}

/** `DRIVER@REF` where the root has that driver; what else stands before an `@` belongs to the reference. */
function splitDriver(
  selector: Selector | undefined,
  drivers: readonly string[],
): { readonly wanted: string | undefined; readonly asked: string | undefined } {
  if (selector === undefined) return { wanted: undefined, asked: undefined };
  const wanted = describeSelector(selector);
  const asked = drivers.find((driver) => wanted.startsWith(`${driver}@`));
  return { wanted: asked === undefined ? wanted : wanted.slice(asked.length + 1) || undefined, asked };
}

/** The driver that was asked for, else the only one that has images, else the only one. */
async function chooseDriver(
  files: StorageFiles,
  drivers: readonly string[],
  asked: string | undefined,
): Promise<string> {
  if (asked !== undefined) return asked;
  const used = drivers.filter((driver) => files.names(`image/${driver}/imagedb/content/sha256`).length > 0);
  const [only, ...others] = used.length > 0 ? used : drivers;
  if (only !== undefined && others.length === 0) return only;
  throw severalDrivers(files.root, used);
}

async function listImages(files: StorageFiles, driver: string): Promise<ListedImage[]> {
  const { images } = await readImageStore(files, driver);
  return images
    .filter(({ names, isParent }) => names.length > 0 || !isParent)
    .map(({ id, names }) => ({ names, digest: id, platforms: [], selector: `#${names[0] ?? id}` }));
}

function choose(
  images: readonly StoredImage[],
  wanted: string | undefined,
  listed: readonly ListedImage[],
): StoredImage {
  const found =
    wanted === undefined
      ? images.filter(({ id }) => listed.some(({ digest }) => digest === id))
      : findReference(images, wanted);
  const [only, ...others] = found;
  if (only === undefined) throw imageNotFound(wanted ?? "", listed);
  if (others.length === 0) return only;
  throw severalImages(listed.filter(({ digest }) => found.some(({ id }) => id === digest)));
}

async function findContainer(files: StorageFiles, wanted: string): Promise<StoredContainer> {
  const containers = await readContainers(files);
  const named = containers.map((container) => ({ ...container, names: [container.name] }));
  const exact = named.filter(({ id, name }) => id === wanted || name === wanted.replace(/^\//, ""));
  const [only, ...others] = exact.length > 0 ? exact : named.filter(({ id }) => wanted !== "" && id.startsWith(wanted));
  if (only !== undefined && others.length === 0) return only;
  const known = containers.map(({ id, name }) => `${name} (${id.slice(0, 12)})`);
  throw new StrataError({
    code: "container-not-found",
    kind: only === undefined ? "not-found" : "invalid-argument",
    message: `There is ${only === undefined ? "no" : "more than one"} container ${JSON.stringify(wanted)} in ${files.root}`,
    details: { path: files.root, containers: known },
    ...(known.length === 0 ? {} : { hint: `There are ${known.join(", ")}` }),
  });
}

async function openImage(root: DriverRoot, { id, names }: StoredImage): Promise<PlacedImage> {
  const { files, layout, options } = root;
  const config = await readStoredConfig(files, { driver: layout.name, id }, options.limits.maxDocumentBytes);
  const platform = platformOf(config.value);
  assertPlatform(options.platform, platform);
  const diffIds = config.value.rootfs.diff_ids;
  const chain = diffIds.length === 0 ? [] : await readLayerChain(files, layout.name, chainIdOf(diffIds));
  const { layers, skipped } = await openStoredLayers(root, chain);
  return {
    names,
    manifest: undefined,
    config: { mediaType: MEDIA_TYPE.dockerConfig, digest: id, ...config, isSynthetic: false },
    platform,
    layers,
    skipped,
    storage: { driver: layout.name, "image-id": id },
  };
}

async function openContainer(root: DriverRoot, container: StoredContainer): Promise<PlacedImage> {
  const { files, layout } = root;
  const mount = await readMount(files, layout.name, container.id);
  const chain = mount.parent === undefined ? [] : await readLayerChain(files, layout.name, mount.parent);
  const below = await openStoredLayers(root, chain);
  const own = await openContainerLayers(root, mount, below.top);
  const config = await containerConfig(root, container, { chain, own: own.length });
  return {
    names: [],
    manifest: undefined,
    config,
    platform: platformOf(config.value),
    layers: [...below.layers, ...own],
    skipped: below.skipped,
    storage: {
      driver: layout.name,
      "container-id": container.id,
      "container-name": container.name,
      ...(container.image && { "image-id": container.image }),
      "mount-id": mount.mountId,
      ...(mount.initId && { "init-id": mount.initId }),
      ...(mount.parent && { parent: mount.parent }),
    },
  };
}

function notADockerRoot(path: string): StrataError {
  return new StrataError({
    code: "not-a-docker-root",
    kind: "malformed",
    message: `${path} is no data root of docker with images in it: it has no image/DRIVER/imagedb`,
    details: { path },
    hint: "Docker 29 and later keep images in containerd's store; save them to an archive with `docker save`",
  });
}
