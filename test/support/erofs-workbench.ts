import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type SnapshotName, snapshotKey, snapshotName } from "../../src/snapshot/index.ts";
import { indexOf, mergedFiles, readDirectory, type TarStep, tarScript, treeText } from "../../src/testing/index.ts";
import { mergeLayers } from "../../src/union/index.ts";
import type { ErofsPlace } from "./erofs-place.ts";

/** What tests of the driver erofs do with snapshots. */
export interface ErofsWorkbench {
  /** The tree that a view shows. */
  shown(name: SnapshotName): Promise<string>;
  /** Works on top of a snapshot as a container does, and commits. @returns what was seen, and what it became */
  changed(
    name: SnapshotName | undefined,
    work: (root: string) => void,
  ): Promise<{ readonly seen: string; readonly name: SnapshotName }>;
  /** The names in the layer that a committed snapshot is. */
  layerOf(name: SnapshotName): Promise<string[]>;
}

/** @param place that of the test that runs */
export function erofsWorkbench(place: () => ErofsPlace): ErofsWorkbench {
  let keys = 0;
  return {
    async shown(name) {
      const { snapshots, inside } = place();
      const key = snapshotKey(`view ${++keys}`);
      const mounts = await snapshots.view(key, name);
      const text = await inside(mounts, (target) => treeText(readDirectory(target)));
      await snapshots.remove(key);
      return text;
    },
    async changed(name, work) {
      const { snapshots, inside } = place();
      const key = snapshotKey(`active ${++keys}`);
      const committed = snapshotName(`committed ${keys}`);
      const mounts = await snapshots.prepare(key, name);
      const seen = await inside(mounts, (target) => {
        work(target);
        return treeText(readDirectory(target));
      });
      await snapshots.commit(committed, key);
      return { seen, name: committed };
    },
    async layerOf(name) {
      const { snapshots, directory } = place();
      const { content } = await snapshots.stat(name);
      const path = join(directory, "store/blobs/sha256", (content[0] as string).slice("sha256:".length));
      return execFileSync("tar", ["-tf", path], { encoding: "utf8" }).trim().split("\n");
    },
  };
}

/** Layers as tars, and their merged tree as text. */
export function treeOf(layers: readonly (readonly TarStep[])[]): {
  readonly tars: Uint8Array[];
  readonly text: string;
} {
  const tars = layers.map((steps) => tarScript(...steps));
  const text = treeText(mergedFiles(mergeLayers(tars.map(indexOf)), tars));
  return { tars, text };
}
