import assert from "node:assert/strict";
import { type SnapshotName, snapshotKey, snapshotName } from "../../snapshot/index.ts";
import { editDirectory } from "../adapters/edit-directory.ts";
import { dir, file, type TarStep, tarScript } from "../tar-script.ts";
import { layerStack } from "./layer-stack.ts";
import { assertShows, assertTree, layer, mounted, names, unpack } from "./snapshot-steps.ts";
import type { SnapshotterCase } from "./snapshotter-case.ts";

const LAYERS = 128;

/** Long chains (TRAPS 74). */
export const manyCases: readonly SnapshotterCase[] = [
  {
    name: "128 layers are mounted, written on and committed (128LayersMount)",
    needs: "mount",
    async run(snapshots, place) {
      const scene = { snapshots, place };
      const steps = Array.from({ length: LAYERS - 1 }, (_, i): TarStep[] => [
        dir("d"),
        file(`d/${i}`, `${i}`),
        file("last", `${i}`),
      ]);
      const stack = await layerStack(
        place.content,
        steps.map((each) => tarScript(...each)),
      );
      const top = await unpack(scene, stack);
      const key = snapshotKey("container");
      await place.withMounted(await snapshots.prepare(key, top), (at) => editDirectory(at, file("last", "container")));
      await snapshots.commit(snapshotName("saved"), key);
      const files = [dir("d"), ...steps.map((_, i) => file(`d/${i}`, `${i}`)), file("last", "container")];
      await assertShows(scene, "saved", ...files);
    },
  },
  {
    name: "what twenty commits wrote is read through all of them (DeepLayerRead)",
    needs: "mount",
    async run(snapshots, place) {
      const scene = { snapshots, place };
      await layer(scene, "0", undefined, file("bottom", "the deepest"));
      for (let i = 1; i < 20; i++) await layer(scene, `${i}`, `${i - 1}`, file(`${i}`, `${i}`));
      const files = [
        file("bottom", "the deepest"),
        ...Array.from({ length: 19 }, (_, i) => file(`${i + 1}`, `${i + 1}`)),
      ];
      assertTree(await mounted(scene, await snapshots.prepare(snapshotKey("top"), snapshotName("19"))), ...files);
    },
  },
  {
    name: "a chain is removed from its end",
    async run(snapshots) {
      let parent: SnapshotName | undefined;
      for (let i = 0; i < 30; i++) {
        await snapshots.prepare(snapshotKey("a"), parent);
        parent = snapshotName(`${i}`);
        await snapshots.commit(parent, snapshotKey("a"));
      }
      for (let i = 29; i >= 0; i--) await snapshots.remove(snapshotName(`${i}`));
      assert.deepEqual(await names(snapshots), []);
      assert.deepEqual(await snapshots.cleanup(), { removed: [] });
    },
  },
];
