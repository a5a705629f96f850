import assert from "node:assert/strict";
import { type SnapshotName, snapshotKey, snapshotName } from "../../snapshot/index.ts";
import { editDirectory } from "../adapters/edit-directory.ts";
import { assertFails } from "../content-store/expectations.ts";
import { mergedFiles } from "../merged-files.ts";
import {
  block,
  char,
  dir,
  fifo,
  file,
  hardlink,
  opaque,
  symlink,
  type TarStep,
  tarScript,
  whiteout,
} from "../tar-script.ts";
import { treeText } from "../tree-script.ts";
import { layerStack } from "./layer-stack.ts";
import { assertTree, mounted, names, unpack, viewed } from "./snapshot-steps.ts";
import type { SnapshotterCase } from "./snapshotter-case.ts";

/** What images do to each other's files, in one place. */
const LAYERS: readonly (readonly TarStep[])[] = [
  [
    dir("etc"),
    file("etc/passwd", "root"),
    file("etc/shadow", "secret", { mode: 0o640, gid: 42 }),
    dir("usr"),
    dir("usr/bin"),
    file("usr/bin/su", "x".repeat(5000), { mode: 0o4755 }),
    hardlink("usr/bin/sg", "usr/bin/su"),
    symlink("bin", "usr/bin"),
    dir("var/cache/apt"),
    file("var/cache/apt/pkg", "p".repeat(100_000)),
    dir("opt"),
    file("opt/one", "1"),
    file("opt/two", "2", { mtime: { seconds: 1_500_000_000, nanoseconds: 123_456_789 } }),
  ],
  [
    whiteout("etc/shadow"),
    whiteout("var/cache/apt"),
    dir("opt", { mode: 0o750, uid: 7, gid: 8 }),
    opaque("opt"),
    file("opt/three", "3"),
    file("bin/through", "a link of the lower layer"),
    hardlink("usr/bin/newgrp", "usr/bin/su"),
  ],
  [
    dir("var/cache/apt"),
    file("etc", "no directory any more"),
    file("implied/parents/f", "f"),
    file("caf\xe9", "no UTF-8"),
    file("usr/bin/ping", "p", {
      xattrs: { "user.note": "n", "security.capability": "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0" },
    }),
    fifo("pipe"),
    char("tty", [5, 1], { mode: 0o620, gid: 5 }),
    block("disk", [8, 3]),
  ],
  [whiteout("etc"), file("usr/bin/su", "another", { mode: 0o755 }), whiteout("opt/three"), dir("empty")],
];

/** How the layers of images become snapshots. */
export const imageLayerCases: readonly SnapshotterCase[] = [
  {
    name: "the layers of an image show the merged tree, each with those below it",
    needs: "mount",
    async run(snapshots, place) {
      const tars = LAYERS.map((steps) => tarScript(...steps));
      for (let count = 1; count <= tars.length; count++) {
        const some = tars.slice(0, count);
        const stack = await layerStack(place.content, some);
        const name = snapshotName(stack.chainIds.at(-1) ?? "");
        await using staged = await snapshots.stage(stack, count - 1);
        await staged.commit(name, stack.chainIds.at(-2) as string | undefined as SnapshotName | undefined);
        await snapshots.warm(name, stack);
        const files = await viewed({ snapshots, place }, name);
        const options = { withoutRoot: true };
        assert.equal(treeText(files, options), treeText(mergedFiles(stack.tree, some), options));
      }
    },
  },
  {
    name: "layers are staged in any order and at once, and committed in their own",
    needs: "mount",
    async run(snapshots, place) {
      const tars = LAYERS.map((steps) => tarScript(...steps));
      const stack = await layerStack(place.content, tars);
      const staged = await Promise.all([...tars.keys()].reverse().map((i) => snapshots.stage(stack, i)));
      assert.deepEqual(await names(snapshots), []);
      let parent: SnapshotName | undefined;
      for (const [i, each] of staged.reverse().entries()) {
        await using _ = each;
        const name = snapshotName(stack.chainIds[i] ?? "");
        await each.commit(name, parent);
        parent = name;
      }
      assert.deepEqual(await names(snapshots), [...stack.chainIds].sort());
      const files = await viewed({ snapshots, place }, parent ?? "");
      const options = { withoutRoot: true };
      assert.equal(treeText(files, options), treeText(mergedFiles(stack.tree, tars), options));
      assert.deepEqual(await snapshots.cleanup(), { removed: [] });
    },
  },
  {
    name: "a container writes on top of an image, and the image stays as it is",
    needs: "mount",
    async run(snapshots, place) {
      const tars = [
        [dir("etc"), file("etc/a", "1"), file("etc/b", "2")],
        [whiteout("etc/b"), file("etc/c", "3")],
      ];
      const stack = await layerStack(
        place.content,
        tars.map((steps) => tarScript(...steps)),
      );
      const top = await unpack({ snapshots, place }, stack);
      const key = snapshotKey("container");
      await place.withMounted(await snapshots.prepare(key, top), (at) =>
        editDirectory(at, file("etc/a", "changed"), file("etc/b", "new")),
      );
      await snapshots.commit(snapshotName("saved"), key);
      const scene = { snapshots, place };
      assertTree(await viewed(scene, top), dir("etc"), file("etc/a", "1"), file("etc/c", "3"));
      const saved = [dir("etc"), file("etc/a", "changed"), file("etc/b", "new"), file("etc/c", "3")];
      assertTree(await viewed(scene, "saved"), ...saved);
      assertTree(await mounted(scene, await snapshots.prepare(key, snapshotName("saved"))), ...saved);
    },
  },
  {
    name: "a staged layer that is not committed leaves no trace",
    async run(snapshots, place) {
      const stack = await layerStack(place.content, [tarScript(file("f", "1"))]);
      const staged = await snapshots.stage(stack, 0);
      assert.deepEqual(await snapshots.cleanup(), { removed: [] });
      await staged[Symbol.asyncDispose]();
      await staged[Symbol.asyncDispose]();
      assert.deepEqual(await names(snapshots), []);
      assert.deepEqual(await snapshots.cleanup(), { removed: [] });
    },
  },
  {
    name: "a layer is committed on a parent that is committed, under a name that is free",
    async run(snapshots, place) {
      const stack = await layerStack(place.content, [tarScript(file("f", "1")), tarScript(file("g", "2"))]);
      await using first = await snapshots.stage(stack, 0);
      await using same = await snapshots.stage(stack, 0);
      await using second = await snapshots.stage(stack, 1);
      const [base, top] = stack.chainIds.map(snapshotName) as [SnapshotName, SnapshotName];
      await assertFails(second.commit(top, base), "snapshot-not-found");
      await snapshots.prepare(snapshotKey("active"), undefined);
      await assertFails(second.commit(top, snapshotName("active")), "snapshot-not-committed");
      await first.commit(base, undefined);
      await assertFails(same.commit(base, undefined), "snapshot-exists");
      await second.commit(top, base);
      const info = await snapshots.stat(top);
      assert.equal(info.kind, "committed");
      assert.equal(info.parent, base);
    },
  },
  {
    name: "whatever a snapshot's content names, the content store has",
    async run(snapshots, place) {
      const stack = await layerStack(place.content, [tarScript(file("f", "1")), tarScript(whiteout("f"))]);
      await unpack({ snapshots, place }, stack);
      for await (const { content } of snapshots.walk()) {
        for (const digest of content) assert.ok((await place.content.stat(digest)) !== undefined);
      }
    },
  },
];
