import { StrataError } from "../../base/index.ts";
import { assertPlatform, type PlacedImage } from "../../image/index.ts";
import { chainIdOf, MEDIA_TYPE, platformOf } from "../../oci/index.ts";
import type { ImagePlace, ListedImage } from "../image-place.ts";
import type { ResolvedOptions } from "../open-options.ts";
import { onlyDriver, splitDriver } from "../storage-driver/choose-driver.ts";
import { chooseReference } from "../storage-driver/choose-reference.ts";
import { driverLayout } from "../storage-driver/layer-directories.ts";
import { type StorageFiles, storageFiles } from "../storage-driver/storage-files.ts";
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
    list: async () => {
      const { images } = await readImageStore(files, driverOf(files, drivers));
      return images.filter(isShown).map(describe);
    },
    open: async (selector) => {
      const { wanted, driver = driverOf(files, drivers) } = splitDriver(selector, drivers);
      if (wanted?.startsWith(CONTAINER) === true) {
        return await openContainer(rootOf(driver), await findContainer(files, wanted.slice(CONTAINER.length)));
      }
      const { images } = await readImageStore(files, driver);
      return await openImage(rootOf(driver), chooseReference(images, wanted, { describe, isShown }));
    },
    [Symbol.asyncDispose]: async () => {
      for (const resource of held.splice(0).reverse()) await resource[Symbol.asyncDispose]();
    },
  };
}

function driverOf(files: StorageFiles, drivers: readonly string[]): string {
  const used = drivers.filter((driver) => files.names(`image/${driver}/imagedb/content/sha256`).length > 0);
  return onlyDriver(files.root, drivers, used);
}

function describe({ id, names }: StoredImage): ListedImage {
  return { names, digest: id, platforms: [], selector: `#${names[0] ?? id}` };
}

/** Steps of a build are kept as images too; `docker images` hides them. */
function isShown({ names, isParent }: StoredImage): boolean {
  return names.length > 0 || !isParent;
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
