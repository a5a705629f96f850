import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StrataError } from "../../../base/index.ts";
import type { ContentStore, IndexCache } from "../../../content/index.ts";
import { DEFAULT_LIMITS } from "../../../image/index.ts";
import type { LayerIndex } from "../../../layer/index.ts";
import type { DiffId } from "../../../oci/index.ts";
import { removeTree } from "../../remove-tree.ts";
import type { DrivenSnapshot, NewSnapshot, SnapshotDriver } from "../../snapshot-driver.ts";
import type { LayerStack, Mount } from "../../snapshotter.ts";
import { escaped } from "../overlay/overlay-mounts.ts";
import { chainOf } from "./chain.ts";
import type { IndexSources } from "./chain-tree.ts";
import { assertTar, digestOf } from "./layer-tars.ts";
import { ensureMergedImage } from "./merged-image.ts";
import { SharedLowers } from "./shared-lowers.ts";
import { makeUpper, removeWritten, upperOf, workOf } from "./upper-directories.ts";

/** Where the driver works, and where layers come from. */
export interface ErofsDriverOptions {
  /** The driver's own directory, a real path. */
  readonly root: string;
  readonly content: ContentStore;
  readonly indexCache: IndexCache;
}

/** What everything here stands on. */
interface ErofsHouse {
  readonly lowers: SharedLowers;
  readonly sources: IndexSources;
}

/** Says on which committed snapshot, by its id, this one is mounted. */
const LOWER_FILE = "lower";
/** Only what a layer can say may be written: no renamed directories, no files without their data, no numbers of inodes. */
const OVERLAY_OPTIONS = ["index=off", "redirect_dir=off", "metacopy=off"];

/**
 * Snapshots that are never extracted. A committed one is the tar of its layer, a blob of the content store, and nothing
 * else; the metadata of its whole chain are merged into one EROFS image, whose devices are the tars, when somebody first
 * asks for it. That image is mounted once for all who build on it. A view is a bind mount of it: exactly the
 * merged tree. An active snapshot is an overlay on it, which is refused where the image has a character device 0:0 of its own:
 * there it would be a whiteout. Committing one writes its upper directory as a layer's tar.
 *
 * Needs root, and a kernel that mounts EROFS with blocks of 512 bytes (Linux 6.4).
 */
export function createErofsDriver({ root, content, indexCache }: ErofsDriverOptions): SnapshotDriver {
  const lowers = new SharedLowers(root);
  const sources = { content, indexCache, limits: DEFAULT_LIMITS };
  const house = { lowers, sources };
  return {
    name: "erofs",
    async create(snapshot, parents) {
      // What shows a view is mounted when somebody asks for it.
      if (snapshot.info.kind === "view" && parents.length > 0) return;
      const lower = await useLower(house, snapshot, parents);
      await makeUpper(snapshot, lower);
    },
    mounts: (snapshot, parents) => mountsOf(house, snapshot, parents),
    async commit(snapshot, parents) {
      const lower = await useLower(house, snapshot, parents);
      const { commitUpper } = await import("./commit-upper.ts");
      const facts = await commitUpper({ id: snapshot.id, lower, upper: upperOf(snapshot) }, sources);
      await releaseLower(house, snapshot);
      return facts;
    },
    async changeset(snapshot, parents, options) {
      if (snapshot.info.kind === "committed") {
        const { layerChangeset } = await import("./layer-changeset.ts");
        return await layerChangeset(snapshot, parents, { ...options, sources });
      }
      const { upperChangeset } = await import("./upper-tar.ts");
      const lower = await useLower(house, snapshot, parents);
      return await upperChangeset({ lower, upper: upperOf(snapshot) }, options);
    },
    settle: removeWritten,
    async stage(_, stack, { layer }) {
      const { diffId, index } = layerOf(stack, layer);
      await assertTar(content, diffId, index.tarSize);
    },
    async commitStaged(_, _parents, { stack, layer }) {
      const { diffId, index } = layerOf(stack, layer);
      return { content: [digestOf(diffId)], usage: { bytes: index.tarSize, inodes: index.count } };
    },
    async warm(snapshot, parents, stack) {
      await using _ = await lowers.lock(snapshot);
      await ensureMergedImage(chainOf([snapshot, ...parents]), { sources, stack, variant: "escaped" });
    },
    async usage(snapshot) {
      const { usageOf } = await import("./usage-of.ts");
      return await usageOf(snapshot, sources);
    },
    async remove(place) {
      await releaseLower(house, place);
      lowers.unmountAll(place.id);
      await removeTree(place.directory);
    },
    async cleanup(living) {
      for (const snapshot of living) {
        if (snapshot.info.kind !== "committed") continue;
        await removeWritten(snapshot);
        await lowers.sweepFiles(snapshot);
      }
      return await lowers.sweep();
    },
  };
}

function layerOf({ tree, diffIds }: LayerStack, layer: number): { diffId: DiffId; index: LayerIndex } {
  return { diffId: diffIds[layer] as DiffId, index: tree.layers[layer] as LayerIndex };
}

/** Where the chain below a snapshot is mounted; undefined where there is none. */
async function useLower(
  { lowers, sources }: ErofsHouse,
  { id, directory, info }: DrivenSnapshot,
  parents: readonly DrivenSnapshot[],
): Promise<string | undefined> {
  if (parents.length === 0) return undefined;
  const chain = chainOf(parents);
  await using _ = await lowers.lock(chain.top);
  const variant = info.kind === "view" ? "plain" : "escaped";
  const image = await ensureMergedImage(chain, { sources, variant, stack: undefined });
  if (info.kind === "active" && image.whiteoutDevice !== undefined) throw wouldBeWhiteout(image.whiteoutDevice);
  // First of all: whoever removes what is left of this snapshot finds it.
  writeFileSync(join(directory, LOWER_FILE), chain.top.id);
  return await lowers.use(chain.top, image, id);
}

function wouldBeWhiteout(entry: string): StrataError {
  return new StrataError({
    code: "layer-has-whiteout-device",
    kind: "unsupported",
    message: `Cannot let changes be made on an overlay here: to overlayfs the device 0:0 "${entry}" of the image is a whiteout`,
    details: { entry },
    hint: "Look at it without --rw, or use the driver vfs or btrfs",
  });
}

async function releaseLower({ lowers }: ErofsHouse, { id, directory }: NewSnapshot): Promise<void> {
  const topId = readLower(directory);
  if (topId !== "") await lowers.release(topId, id);
}

function readLower(directory: string): string {
  try {
    return readFileSync(join(directory, LOWER_FILE), "utf8");
  } catch {
    return "";
  }
}

async function mountsOf(
  house: ErofsHouse,
  snapshot: DrivenSnapshot,
  parents: readonly DrivenSnapshot[],
): Promise<readonly Mount[]> {
  const lower = await useLower(house, snapshot, parents);
  const upper = upperOf(snapshot);
  if (snapshot.info.kind === "view") return [{ type: "bind", source: lower ?? upper, options: ["ro", "rbind"] }];
  if (lower === undefined) return [{ type: "bind", source: upper, options: ["rw", "rbind"] }];
  const [lowerdir, upperdir, workdir] = [lower, upper, workOf(snapshot)].map(escaped);
  const directories = [`lowerdir=${lowerdir}`, `upperdir=${upperdir}`, `workdir=${workdir}`];
  return [{ type: "overlay", source: "overlay", options: [...OVERLAY_OPTIONS, ...directories] }];
}
