import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, it } from "vitest";
import { memorySource, readAll } from "../../src/base/index.ts";
import { createMemoryContentStore, createMemoryIndexCache } from "../../src/content/index.ts";
import { mountAll, openSnapshotter, snapshotKey, unmountAll } from "../../src/snapshot/index.ts";
import { readTar } from "../../src/tar/index.ts";
import { layoutScript, readDirectory, tarScript, treeText } from "../../src/testing/index.ts";
import { tameLayers } from "../property/random-layers.ts";
import { type BtrfsPlace, makeBtrfs } from "../support/btrfs-place.ts";
import { bringIn, stackOf } from "../support/layer-stack.ts";
import { describeWith } from "../support/oracles.ts";
import { hasSharedData, noSharedData, sharedData } from "../support/shared-data.ts";
import { requireOrSkip } from "../support/skip.ts";
import { run, withDirectory } from "./oracle-trees.ts";

/** What umoci makes of an image, and what a driver shows of it; the root directory belongs to whoever unpacks. */
async function bothTrees(
  driver: "overlay" | "btrfs" | "vfs",
  tars: readonly Uint8Array[],
  { place, withoutTimes }: { readonly place: string; readonly withoutTimes: boolean },
): Promise<{ theirs: string; ours: string }> {
  const [layout, out, target] = ["layout", "out", "target"].map((name) => join(place, name)) as [
    string,
    string,
    string,
  ];
  for (const [path, bytes] of layoutScript(tars).files) {
    mkdirSync(dirname(join(layout, path)), { recursive: true });
    writeFileSync(join(layout, path), bytes);
  }
  run("umoci", ["raw", "unpack", "--image", `${layout}:latest`, out]);
  const [content, indexCache] = [createMemoryContentStore(), createMemoryIndexCache()];
  await using snapshots = await openSnapshotter({ root: join(place, "root"), driver, content, indexCache });
  const names = await bringIn(snapshots, stackOf(place, tars));
  mkdirSync(target);
  await mountAll(await snapshots.view(snapshotKey("view"), names.at(-1)), target);
  try {
    const text = (directory: string): string => treeText(readDirectory(directory), { withoutRoot: true, withoutTimes });
    return { theirs: text(out), ours: text(target) };
  } finally {
    await unmountAll(target);
  }
}

async function layersOfAlpine(): Promise<readonly Uint8Array[]> {
  const archive = memorySource(gunzipSync(readFileSync(sharedData("alpine/alpine-310.tar.gz"))));
  const members = new Map<string, Uint8Array>();
  for await (const { name, dataOffset, size } of readTar(archive)) {
    members.set(name, await readAll(archive, { start: dataOffset, end: dataOffset + size }));
  }
  const manifest: unknown = JSON.parse(Buffer.from(members.get("manifest.json") ?? []).toString());
  const [{ Layers }] = manifest as [{ Layers: readonly string[] }];
  return Layers.map((name) => members.get(name) ?? new Uint8Array());
}

for (const driver of ["overlay", "btrfs", "vfs"] as const) {
  describeWith(
    ["umoci", "mount", "getfattr", ...(driver === "btrfs" ? (["mkfs.btrfs"] as const) : [])],
    `images kept with ${driver} are what umoci unpacks`,
    () => {
      async function within<T>(body: (place: string) => Promise<T>): Promise<T> {
        if (driver !== "btrfs") return await withDirectory(body);
        using place: BtrfsPlace = makeBtrfs();
        return await body(place.directory);
      }

      it("for random images", async () => {
        const images = tameLayers({ parents: true, linksToLower: true, markersFirst: true });
        await fc.assert(
          fc.asyncProperty(images, async (layers) => {
            const tars = layers.map((steps) => tarScript(...steps));
            await within(async (place) => {
              const { theirs, ours } = await bothTrees(driver, tars, { place, withoutTimes: false });
              expect(ours).toBe(theirs);
            });
          }),
          { numRuns: 12 },
        );
      });

      requireOrSkip(
        "a real image",
        hasSharedData("alpine"),
        noSharedData("alpine"),
      )(() => {
        it("for Alpine", async () => {
          const tars = await layersOfAlpine();
          await within(async (place) => {
            const { theirs, ours } = await bothTrees(driver, tars, { place, withoutTimes: false });
            expect(ours.split("\n").length).toBeGreaterThan(400);
            expect(ours).toBe(theirs);
          });
        });
      });
    },
  );
}
