import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { makeSpecialFile, writeXattr } from "../../src/linux/index.ts";
import { indexOf, mergedFiles, readDirectory, type TarStep, tarScript, treeText } from "../../src/testing/index.ts";
import { mergeLayers } from "../../src/union/index.ts";
import { NaiveModel, readMarker } from "../property/naive-model.ts";
import { tameLayers } from "../property/random-layers.ts";
import { describeWith } from "../support/oracles.ts";
import { exportedFiles, run, withDirectory, writeDirectory, writeLayout, writeTimes } from "./oracle-trees.ts";

type Layers = readonly (readonly TarStep[])[];

/** The root directory belongs to whoever unpacks. */
const TEXT = { withoutRoot: true };

function unionOf(layers: Layers, options: { withoutTimes: boolean }): string {
  const tars = layers.map((steps) => tarScript(...steps));
  return treeText(mergedFiles(mergeLayers(tars.map(indexOf)), tars), { ...TEXT, ...options });
}

function umociOf(
  layers: Layers,
  directory: string,
  { gzip = false, withoutTimes = false }: { readonly gzip?: boolean; readonly withoutTimes?: boolean },
): string {
  writeLayout(join(directory, "layout"), layers, { gzip });
  run("umoci", ["raw", "unpack", "--image", `${directory}/layout:latest`, join(directory, "out")]);
  return treeText(readDirectory(join(directory, "out")), { ...TEXT, withoutTimes });
}

describeWith(
  ["umoci", "root", "tar", "getfattr"],
  "random images: umoci applies the layers to a real directory",
  () => {
    it("and gets our tree for layers with all parents and markers anywhere", async () => {
      await fc.assert(
        fc.asyncProperty(tameLayers({ parents: true, linksToLower: true, markersFirst: false }), async (layers) => {
          await withDirectory((directory) => {
            // Its late markers change the times of directories that it has finished.
            expect(unionOf(layers, { withoutTimes: true })).toBe(umociOf(layers, directory, { withoutTimes: true }));
          });
        }),
        { numRuns: 120 },
      );
    });

    it("and gets our tree for layers that write through symlinks and leave parents out", async () => {
      await fc.assert(
        fc.asyncProperty(tameLayers({ parents: false, linksToLower: true, markersFirst: true }), async (layers) => {
          await withDirectory((directory) => {
            expect(unionOf(layers, { withoutTimes: true })).toBe(umociOf(layers, directory, { withoutTimes: true }));
          });
        }),
        { numRuns: 120 },
      );
    });

    it("and gets what our export unpacks to, times included", async () => {
      await fc.assert(
        fc.asyncProperty(
          tameLayers({ parents: true, linksToLower: true, markersFirst: true }),
          fc.boolean(),
          async (layers, gzip) => {
            await withDirectory(async (directory) => {
              const text = umociOf(layers, directory, { gzip });
              const exported = await exportedFiles(`oci:${directory}/layout:latest`, join(directory, "exported"));
              expect(treeText(exported, TEXT)).toBe(text);
            });
          },
        ),
        { numRuns: 40 },
      );
    });
  },
);

describeWith(["root", "mount", "getfattr"], "random images: the kernel's overlayfs merges the layers", () => {
  it("and shows our tree, times included", async () => {
    await fc.assert(
      fc.asyncProperty(tameLayers({ parents: true, linksToLower: false, markersFirst: false }), async (layers) => {
        await withDirectory((directory) => {
          const lowers = layers.map((steps, i) => writeOverlayLayer(join(directory, String(i)), steps));
          const [merged, nothing] = [join(directory, "merged"), join(directory, "nothing")];
          mkdirSync(merged);
          mkdirSync(nothing);
          // The kernel never takes the root of a layer for opaque: what it hides is left out of the stack.
          const base = layers.findLastIndex((steps) => steps.some(({ name }) => name === ".wh..wh..opq"));
          const lowerdir = [...lowers.slice(Math.max(base, 0)).reverse(), nothing].join(":");
          run("mount", ["-t", "overlay", "none", "-o", `ro,lowerdir=${lowerdir}`, merged]);
          const text = treeText(readDirectory(merged), TEXT);
          expect(unionOf(layers, { withoutTimes: false })).toBe(text);
        });
      }),
      { numRuns: 150 },
    );
  });
});

/** A layer as overlayfs wants it: device 0:0 for a whiteout, an attribute for a directory that hides what is below. */
function writeOverlayLayer(directory: string, steps: readonly TarStep[]): string {
  const model = new NaiveModel();
  model.apply(steps.filter((step) => readMarker(step) === undefined));
  const files = model.files();
  const markers = steps.map(readMarker).filter((marker) => marker !== undefined);
  mkdirSync(directory);
  writeDirectory(directory, files);
  for (const { directory: parent, name } of markers) {
    const path = [...parent, ...(name === undefined ? [] : [name])];
    const place = join(directory, ...path);
    if (model.isLiteralDirectory(path)) writeXattr(place, "trusted.overlay.opaque", Buffer.from("y"));
    else if (name !== undefined && !model.has(path) && !existsSync(place) && model.isLiteralDirectory(parent))
      makeSpecialFile(place, { type: "char", mode: 0 });
  }
  writeTimes(directory, files);
  return directory;
}
