import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromText, memorySource, toText } from "../../src/base/index.ts";
import {
  type ContentStore,
  createLocalContentStore,
  createMemoryIndexCache,
  type IndexCache,
  ingestStream,
} from "../../src/content/index.ts";
import { type LayerIndex, LayerIndexBuilder } from "../../src/layer/index.ts";
import { isMountPoint, readMounts, unmount } from "../../src/linux/index.ts";
import { chainIds, type DiffId, type Digest } from "../../src/oci/index.ts";
import {
  type LayerStack,
  type Mount,
  mountAll,
  openSnapshotter,
  type SnapshotName,
  type Snapshotter,
  snapshotName,
  unmountAll,
} from "../../src/snapshot/index.ts";
import { scanTarSync } from "../../src/tar/index.ts";
import { mergeLayers } from "../../src/union/index.ts";

/** A store and the snapshots of its images, for tests that mount them. Disposing it unmounts and removes all of it. */
export interface ErofsPlace extends AsyncDisposable {
  readonly directory: string;
  readonly content: ContentStore;
  readonly indexCache: IndexCache;
  readonly snapshots: Snapshotter;
  /** The directory of the driver. */
  readonly root: string;
  /** Takes an image in as its tars. */
  addStack(tars: readonly Uint8Array[]): Promise<LayerStack>;
  /** {@link addStack}, and makes each layer a committed snapshot. @returns the topmost */
  addImage(tars: readonly Uint8Array[]): Promise<SnapshotName>;
  /** Does something with what is mounted. */
  inside<T>(mounts: readonly Mount[], work: (target: string) => T | Promise<T>): Promise<T>;
  /** Where something is mounted below the directory. */
  mountsBelow(): readonly string[];
}

/** @param directory an empty one; a new one of the disk unless given */
export async function makeErofsPlace(
  directory = mkdtempSync(join(tmpdir(), "erofs-place-")),
  indexCache = createMemoryIndexCache(),
): Promise<ErofsPlace> {
  const content = await createLocalContentStore({ directory: join(directory, "store") });
  const snapshots = await openSnapshotter({
    root: join(directory, "store/snapshots"),
    driver: "erofs",
    content,
    indexCache,
  });
  let targets = 0;
  const addStack = async (tars: readonly Uint8Array[]): Promise<LayerStack> => {
    const diffIds: DiffId[] = [];
    for (const tar of tars) diffIds.push(await addTar(content, tar));
    const indexes = tars.map(indexOfTar);
    const openTar = (layer: number) => content.open(diffIds[layer] as string as Digest);
    return { tree: mergeLayers(indexes), diffIds, chainIds: chainIds(diffIds), openTar };
  };
  const mountsBelow = (): readonly string[] =>
    readMounts()
      .map(({ mountPoint }) => toText(mountPoint))
      .filter((place) => place.startsWith(`${directory}/`));
  return {
    directory,
    content,
    indexCache,
    snapshots,
    root: join(directory, "store/snapshots/erofs"),
    addStack,
    async addImage(tars) {
      const stack = await addStack(tars);
      await commitLayers(snapshots, stack);
      return snapshotName(stack.chainIds.at(-1) as string);
    },
    async inside(mounts, work) {
      const target = join(directory, `target${++targets}`);
      mkdirSync(target);
      await mountAll(mounts, target);
      try {
        return await work(target);
      } finally {
        await unmountAll(target);
      }
    },
    mountsBelow,
    async [Symbol.asyncDispose]() {
      await snapshots[Symbol.asyncDispose]();
      await content[Symbol.asyncDispose]();
      for (const place of [...mountsBelow()].reverse()) unmount(fromText(place), { isLazy: true });
      for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
      if (!isMountPoint(fromText(directory))) rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Makes every layer of a stack a committed snapshot under its chainID, unless it is one. */
export async function commitLayers(snapshots: Snapshotter, stack: LayerStack): Promise<void> {
  for (const [layer, chainId] of stack.chainIds.entries()) {
    const name = snapshotName(chainId);
    const isThere = await snapshots.stat(name).then(
      () => true,
      () => false,
    );
    if (!isThere) await commitLayer(snapshots, stack, layer);
  }
}

async function commitLayer(snapshots: Snapshotter, stack: LayerStack, layer: number): Promise<void> {
  await using staged = await snapshots.stage(stack, layer);
  const below = stack.chainIds[layer - 1];
  await staged.commit(
    snapshotName(stack.chainIds[layer] as string),
    below === undefined ? undefined : snapshotName(below),
  );
}

async function addTar(content: ContentStore, tar: Uint8Array): Promise<DiffId> {
  const open = (start: number) => memorySource(tar).stream({ start });
  const { digest } = await ingestStream(content, { ref: "tar", expected: {}, open });
  return digest as string as DiffId;
}

function indexOfTar(tar: Uint8Array): LayerIndex {
  const builder = new LayerIndexBuilder();
  scanTarSync(memorySource(tar), (entry) => builder.add(entry));
  return builder.finish(tar.length);
}
