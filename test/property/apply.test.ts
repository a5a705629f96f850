import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { memorySource, StrataError } from "../../src/base/index.ts";
import { applyChangesets } from "../../src/changeset/index.ts";
import { createMemoryScratch } from "../../src/content/index.ts";
import { indexOf, mergedFiles, readDirectory, type TarStep, tarScript, treeText } from "../../src/testing/index.ts";
import { mergeLayers } from "../../src/union/index.ts";
import { describeWith } from "../support/oracles.ts";
import { makeScratchMount, type ScratchMount } from "../support/scratch-mount.ts";
import { wildLayers } from "./random-layers.ts";

type Layers = readonly (readonly TarStep[])[];

/** As many of the layers as can be applied, with the tree they give. */
function applicable(layers: Layers): { readonly tars: readonly Uint8Array[]; readonly text: string } {
  for (let count = layers.length; count > 0; count--) {
    const tars = layers.slice(0, count).map((steps) => tarScript(...steps));
    try {
      return { tars, text: treeText(mergedFiles(mergeLayers(tars.map(indexOf)), tars), { withoutRoot: true }) };
    } catch (error) {
      if (!(error instanceof StrataError)) throw error;
    }
  }
  return { tars: [], text: "" };
}

async function apply(directory: string, tars: readonly Uint8Array[]): Promise<void> {
  await using scratch = createMemoryScratch();
  await applyChangesets(
    directory,
    tars.map((tar) => async () => memorySource(tar)),
    { scratch },
  );
}

describeWith(["mount", "getfattr"], "any changesets, applied to a directory", () => {
  let mount: ScratchMount;
  beforeAll(() => {
    mount = makeScratchMount();
  });
  afterAll(() => mount[Symbol.dispose]());

  it("some before and the rest together, are the union of the layers, with times and attributes", async () => {
    await fc.assert(
      fc.asyncProperty(wildLayers, fc.nat(4), async (layers, some) => {
        const { tars, text } = applicable(layers);
        const root = join(mkdtempSync(join(mount.directory, "run-")), "root");
        mkdirSync(root);
        await apply(root, tars.slice(0, some));
        await apply(root, tars.slice(some));
        expect(treeText(readDirectory(root), { withoutRoot: true })).toBe(text);
        rmSync(root, { recursive: true });
      }),
      { numRuns: 200 },
    );
  });
});
