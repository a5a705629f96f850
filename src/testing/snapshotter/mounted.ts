import assert from "node:assert/strict";
import { snapshotKey, snapshotName } from "../../snapshot/index.ts";
import { editDirectory, remove } from "../adapters/edit-directory.ts";
import { readDirectory } from "../adapters/read-directory.ts";
import { assertFails } from "../content-store/expectations.ts";
import { dir, file } from "../tar-script.ts";
import { assertShows, assertTree, layer } from "./snapshot-steps.ts";
import type { SnapshotterCase } from "./snapshotter-case.ts";

const [a, A] = [snapshotKey("a"), snapshotName("A")];
const mount = "mount" as const;

/** What is true while something is mounted. */
export const mountedCases: readonly SnapshotterCase[] = [
  {
    name: "nobody writes into a view (ViewReadonly)",
    needs: mount,
    async run(snapshots, place) {
      const scene = { snapshots, place };
      await layer(scene, "A", undefined, file("f", "1"));
      await layer(scene, "B", "A", file("g", "2"));
      for (const parent of [undefined, "A", "B"]) {
        const key = snapshotKey(`read-only ${parent}`);
        const mounts = await snapshots.view(key, parent === undefined ? undefined : snapshotName(parent));
        await place.withMounted(mounts, (at) => {
          for (const edit of [file("new"), ...(parent === undefined ? [] : [file("f", "3"), remove("f")])]) {
            assert.throws(() => editDirectory(at, edit), { code: "EROFS" });
          }
        });
      }
      await assertShows(scene, "B", file("f", "1"), file("g", "2"));
    },
  },
  {
    name: "several views of one snapshot are mounted at once, beside an active one",
    needs: mount,
    async run(snapshots, place) {
      await layer({ snapshots, place }, "A", undefined, file("f", "1"));
      const one = await snapshots.view(snapshotKey("1"), A);
      const two = await snapshots.view(snapshotKey("2"), A);
      const active = await snapshots.prepare(a, A);
      await place.withMounted(one, async (first) => {
        await place.withMounted(two, async (second) => {
          await place.withMounted(active, (third) => {
            editDirectory(third, file("f", "2"));
            assertTree(readDirectory(third), file("f", "2"));
            assertTree(readDirectory(first), file("f", "1"));
          });
          assertTree(readDirectory(second), file("f", "1"));
        });
        await snapshots.remove(snapshotKey("2"));
        assertTree(readDirectory(first), file("f", "1"));
      });
    },
  },
  {
    name: "an active snapshot that is mounted is neither removed nor committed",
    needs: mount,
    async run(snapshots, place) {
      const scene = { snapshots, place };
      await layer(scene, "A", undefined, file("f", "1"));
      const mounts = await snapshots.prepare(a, A);
      await place.withMounted(mounts, async (at) => {
        editDirectory(at, file("g", "2"));
        await assertFails(snapshots.remove(a), "snapshot-in-use");
        await assertFails(snapshots.commit(snapshotName("B"), a), "snapshot-in-use");
        assertTree(readDirectory(at), file("f", "1"), file("g", "2"));
      });
      await snapshots.commit(snapshotName("B"), a);
      await assertShows(scene, "B", file("f", "1"), file("g", "2"));
    },
  },
  {
    name: "a cleanup takes nothing away that is mounted",
    needs: mount,
    async run(snapshots, place) {
      await layer({ snapshots, place }, "A", undefined, dir("d"), file("d/f", "1"));
      await place.withMounted(await snapshots.view(snapshotKey("v"), A), async (view) => {
        await place.withMounted(await snapshots.prepare(a, A), async (active) => {
          await snapshots.cleanup();
          editDirectory(active, file("d/g", "2"));
          assertTree(readDirectory(active), dir("d"), file("d/f", "1"), file("d/g", "2"));
          assertTree(readDirectory(view), dir("d"), file("d/f", "1"));
        });
      });
    },
  },
];
