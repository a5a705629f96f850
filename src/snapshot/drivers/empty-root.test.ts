import { lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeBtrfs } from "../../../test/support/btrfs-place.ts";
import { describeWith, type Need } from "../../../test/support/oracles.ts";
import { makeScratchMount } from "../../../test/support/scratch-mount.ts";
import { createMemoryContentStore, createMemoryIndexCache } from "../../content/index.ts";
import { openSnapshotter, snapshotKey } from "../index.ts";
import { mountAll, unmountAll } from "../mount-all.ts";
import type { DriverName } from "../snapshotter.ts";

const PLACES: readonly [DriverName, readonly Need[], () => { readonly directory: string } & Disposable][] = [
  ["erofs", ["mount"], makeScratchMount],
  ["overlay", ["mount"], makeScratchMount],
  ["btrfs", ["mount", "mkfs.btrfs"], makeBtrfs],
  ["vfs", ["mount"], makeScratchMount],
];

for (const [driver, needs, make] of PLACES) {
  describeWith(needs, `a snapshot of nothing, kept by ${driver}`, () => {
    it.each(["view", "prepare"] as const)("(%s) has the root that no layers have", async (how) => {
      using place = make();
      const [content, indexCache] = [createMemoryContentStore(), createMemoryIndexCache()];
      await using snapshots = await openSnapshotter({ root: place.directory, driver, content, indexCache });
      const target = join(place.directory, "target");
      mkdirSync(target);
      await mountAll(await snapshots[how](snapshotKey("a"), undefined), target);
      try {
        const { mode, uid, gid, mtimeNs } = lstatSync(target, { bigint: true });
        expect({ mode: mode & 0o7777n, uid, gid, mtimeNs }).toEqual({ mode: 0o755n, uid: 0n, gid: 0n, mtimeNs: 0n });
      } finally {
        await unmountAll(target);
      }
    });
  });
}
