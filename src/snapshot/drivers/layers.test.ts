import { mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { tameLayers, wildLayers } from "../../../test/property/random-layers.ts";
import { makeBtrfs } from "../../../test/support/btrfs-place.ts";
import { bringIn, stackOf } from "../../../test/support/layer-stack.ts";
import { describeWith, type Need } from "../../../test/support/oracles.ts";
import { makeScratchMount } from "../../../test/support/scratch-mount.ts";
import { StrataError } from "../../base/index.ts";
import { createMemoryContentStore, createMemoryIndexCache } from "../../content/index.ts";
import {
  block,
  char,
  dir,
  fifo,
  file,
  hardlink,
  indexOf,
  mergedFiles,
  opaque,
  readDirectory,
  symlink,
  type TarStep,
  type TreeFile,
  tarScript,
  treeText,
  whiteout,
  whiteoutCases,
} from "../../testing/index.ts";
import { mergeLayers, mergeLayersOnto, type ProvenanceTree } from "../../union/index.ts";
import { openSnapshotter, type SnapshotName, type Snapshotter, snapshotKey } from "../index.ts";
import { mountAll, unmountAll } from "../mount-all.ts";
import type { DriverName } from "../snapshotter.ts";

type Layers = readonly (readonly TarStep[])[];

interface Place extends Disposable {
  readonly directory: string;
}

/** Anything that some tool may apply; most of the wild ones none does. */
const images = fc.oneof(
  { weight: 1, arbitrary: wildLayers },
  { weight: 3, arbitrary: tameLayers({ parents: false, linksToLower: true, markersFirst: false }) },
);

/** Drivers that write files, with what their tests need; and how many random images are worth their time. */
const DRIVERS: readonly { driver: DriverName; needs: readonly Need[]; runs: number; make: () => Place }[] = [
  { driver: "overlay", needs: ["mount", "getfattr"], runs: 80, make: makeScratchMount },
  { driver: "btrfs", needs: ["mount", "getfattr", "mkfs.btrfs"], runs: 20, make: makeBtrfs },
  { driver: "vfs", needs: ["mount", "getfattr"], runs: 20, make: makeScratchMount },
];

/** Everything that a file says about itself, the number of its names too. */
function factsOf(files: readonly TreeFile[]): string {
  const links = files.filter(({ node }) => node.type !== "directory").map(({ path, node }) => `${path} ${node.nlink}`);
  return `${treeText(files)}${links.join("\n")}`;
}

/** The image, or undefined when no tool may apply it. */
function merged(tars: readonly Uint8Array[]): ProvenanceTree | undefined {
  try {
    return mergeLayers(tars.map(indexOf));
  } catch (error) {
    if (error instanceof StrataError) return undefined;
    throw error;
  }
}

/** What overlayfs cannot show. */
function isWhiteoutDevice({ type, devMajor, devMinor }: TarStep): boolean {
  return type === "char" && devMajor === 0 && devMinor === 0;
}

for (const { driver, needs, runs, make } of DRIVERS) {
  describeWith(needs, `layers of images with ${driver}`, () => {
    let place: Place;
    beforeAll(() => {
      place = make();
    });
    afterAll(() => place[Symbol.dispose]());

    async function open(): Promise<{ snapshots: Snapshotter; directory: string; target: string }> {
      const directory = mkdtempSync(join(place.directory, "image-"));
      const [root, target] = [join(directory, "root"), join(directory, "target")];
      mkdirSync(target);
      const [content, indexCache] = [createMemoryContentStore(), createMemoryIndexCache()];
      return { directory, target, snapshots: await openSnapshotter({ root, driver, content, indexCache }) };
    }

    async function treeAt(
      snapshots: Snapshotter,
      name: SnapshotName | undefined,
      target: string,
    ): Promise<readonly TreeFile[]> {
      const key = snapshotKey("view");
      await mountAll(await snapshots.view(key, name), target);
      try {
        return readDirectory(target);
      } finally {
        await unmountAll(target);
        await snapshots.remove(key);
      }
    }

    /** The layers above the lower part are merged on what is known of that part. */
    async function bringParts(
      snapshots: Snapshotter,
      directory: string,
      { tars, lower }: { readonly tars: readonly Uint8Array[]; readonly lower: number },
    ): Promise<readonly SnapshotName[]> {
      if (lower === 0) return await bringIn(snapshots, stackOf(directory, tars));
      const part = stackOf(directory, tars.slice(0, lower));
      const names = await bringIn(snapshots, part);
      const tree = mergeLayersOnto(part.tree.flatten(), tars.slice(lower).map(indexOf));
      return await bringIn(snapshots, stackOf(directory, tars, tree), names);
    }

    /**
     * Brings an image in, and compares what is mounted with what its layers mean: the whole image; where layers lie on each
     * other only when they are mounted, each part from the base too.
     * @param lower so many layers come first, as an image of their own
     */
    async function expectMerged(layers: Layers, lower = 0): Promise<void> {
      const tars = layers.map((steps) => tarScript(...steps));
      const tree = merged(tars);
      if (tree === undefined) return;
      const { snapshots, directory, target } = await open();
      await using _ = snapshots;
      const bringing = bringParts(snapshots, directory, { tars, lower });
      if (driver === "overlay" && layers.flat().some(isWhiteoutDevice)) {
        await expect(bringing).rejects.toMatchObject({ code: "layer-has-whiteout-device" });
        return;
      }
      const names = await bringing;
      for (const [i, name] of names.entries()) {
        if ((driver !== "overlay" || names.length > 10) && i < names.length - 1) continue;
        const part = tars.slice(0, i + 1);
        const expected = mergedFiles(mergeLayers(part.map(indexOf)), part);
        expect(factsOf(await treeAt(snapshots, name, target))).toBe(factsOf(expected));
      }
    }

    it("shows random images as their layers mean them, in every fact", { timeout: 120_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(images, (layers) => expectMerged(layers)),
        { numRuns: runs },
      );
    });

    it("shows images whose lower layers another image has brought", { timeout: 120_000 }, async () => {
      const onOthers = images.filter((layers) => layers.length > 1);
      await fc.assert(
        fc.asyncProperty(onOthers, fc.nat(), (layers, cut) => expectMerged(layers, 1 + (cut % (layers.length - 1)))),
        { numRuns: runs },
      );
    });

    // Btrfs and vfs apply layers in the same way.
    for (const [chapter, cases] of driver === "vfs" ? [] : whiteoutCases) {
      it(`shows the cases of the conformance suite: ${chapter}`, { timeout: 120_000 }, async () => {
        for (const { layers } of cases) await expectMerged(layers);
      });
    }

    it("shows what layers do to each other", async () => {
      await expectMerged([
        [
          dir("", { mode: 0o711, uid: 3 }),
          dir("bin", { mode: 0o4755, mtime: { seconds: 1, nanoseconds: 999_999_999 } }),
          file("bin/tool", "tool", { mode: 0o6755, uid: 5, gid: 6, xattrs: { "security.capability": CAPABILITY } }),
          hardlink("bin/other", "bin/tool"),
          hardlink("bin/third", "bin/tool"),
          dir("etc/deep/er"),
          file("etc/deep/er/file", "1"),
          file("etc/name \xff\xfe", "bytes"),
          symlink("lib", "usr/lib"),
          dir("usr/lib"),
          fifo("pipe", { mode: 0o600 }),
          char("null", [1, 3], { mode: 0o666 }),
          block("disk", [8, 70_000]),
          file(`long-${"x".repeat(240)}`, "x".repeat(100_000)),
        ],
        [
          hardlink("bin/fourth", "bin/third"),
          whiteout("bin/other"),
          whiteout("etc/deep/er"),
          file("lib/through", "through a lower link"),
          file("etc/deep", "no directory any more"),
        ],
        [dir("etc/deep", { mode: 0o700 }), file("etc/deep/new", "2"), whiteout("bin/tool"), file("implied/by/me", "")],
        [opaque(""), file("alone", "after all is gone"), dir("bin")],
        [file("bin/last", "last")],
      ]);
    });

    it("shows hundreds of layers", { timeout: 120_000 }, async () => {
      const count = driver === "overlay" ? 500 : 40;
      const tars = Array.from({ length: count }, (_, i) =>
        tarScript(file(`file-${i}`, `${i}`), file("last", `${i}`), ...(i === 0 ? [] : [whiteout(`file-${i - 1}`)])),
      );
      const { snapshots, directory, target } = await open();
      await using _ = snapshots;
      const names = await bringIn(snapshots, stackOf(directory, tars));
      for (const layer of count > 300 ? [299, count - 1] : [count - 1]) {
        await treeAt(snapshots, names[layer], target);
        const mounts = await snapshots.prepare(snapshotKey("active"), names[layer]);
        await mountAll(mounts, target);
        try {
          expect(readdirSync(target).sort()).toEqual([`file-${layer}`, "last"]);
        } finally {
          await unmountAll(target);
        }
        await snapshots.remove(snapshotKey("active"));
      }
    });
  });
}

/** A capability as the kernel keeps it: cap_net_raw+ep, version 2. */
const CAPABILITY = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
