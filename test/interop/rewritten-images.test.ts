import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type EditContext, type LoadFiles, normaliseTimes, removePath, squashImage } from "../../src/edit/index.ts";
import type { PlacedImage } from "../../src/image/index.ts";
import { layoutScript, readDirectory, type TarStep, treeText } from "../../src/testing/index.ts";
import { tameLayers } from "../property/random-layers.ts";
import { describeWith } from "../support/oracles.ts";
import { editContext, filesOf, imageOfSteps, loaderOf, tarsOf } from "../support/placed-image.ts";
import { run, withDirectory } from "./oracle-trees.ts";

type Rewrite = (image: PlacedImage, files: LoadFiles, ctx: EditContext) => Promise<PlacedImage>;

/** Each leaves at least one layer, which umoci needs. */
const REWRITES: readonly (readonly [name: string, rewrite: Rewrite])[] = [
  ["squashed", async (image, files, ctx) => await squashImage(image, files, {}, ctx)],
  ["squashed above its base", async (image, files, ctx) => await squashImage(image, files, { from: 1 }, ctx)],
  ["without a path", async (image, files, ctx) => await removePath(image, files, "a/b", ctx)],
  [
    "with normal times",
    async (image, files, ctx) =>
      await normaliseTimes(image, files, { time: { seconds: 1_400_000_000, nanoseconds: 5 }, mode: "set" }, ctx),
  ],
];

const TEXT = { withoutRoot: true, withoutTimes: true };

async function umociOf(image: PlacedImage, directory: string): Promise<string> {
  for (const [path, bytes] of layoutScript(await tarsOf(image)).files) {
    mkdirSync(dirname(join(directory, "layout", path)), { recursive: true });
    writeFileSync(join(directory, "layout", path), bytes);
  }
  run("umoci", ["raw", "unpack", "--image", `${directory}/layout:latest`, join(directory, "out")]);
  return treeText(readDirectory(join(directory, "out")), TEXT);
}

describeWith(["umoci", "root", "tar", "getfattr"], "random images after edits that rewrite their layers", () => {
  it.each(REWRITES)("unpack to our tree with umoci: %s", async (_, rewrite) => {
    const base: TarStep[] = [];
    await fc.assert(
      fc.asyncProperty(tameLayers({ parents: true, linksToLower: true, markersFirst: true }), async (layers) => {
        const image = imageOfSteps(layers.length > 1 ? layers : [...layers, base]);
        let rewritten: PlacedImage;
        try {
          rewritten = await rewrite(image, loaderOf(image), editContext());
        } catch (error) {
          expect(error).toMatchObject({ code: "path-not-found" });
          return;
        }
        await withDirectory(async (directory) => {
          expect(await umociOf(rewritten, directory)).toBe(treeText(await filesOf(rewritten), TEXT));
        });
      }),
      { numRuns: 12 },
    );
  });
});
