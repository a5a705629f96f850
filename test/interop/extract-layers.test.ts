import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { fromText, memorySource, StrataError } from "../../src/base/index.ts";
import { changesOfLayer, extractChanges, extractMergedTree } from "../../src/directory/index.ts";
import { mountOverlay, unmount } from "../../src/linux/index.ts";
import { indexOf, mergedFiles, readDirectory, type TarStep, tarScript, treeText } from "../../src/testing/index.ts";
import { mergeLayers, type ProvenanceTree } from "../../src/union/index.ts";
import { wildLayers } from "../property/random-layers.ts";
import { describeWith } from "../support/oracles.ts";
import { withDirectory } from "./oracle-trees.ts";

interface Stack {
  readonly tars: readonly Uint8Array[];
  readonly tree: ProvenanceTree;
  /** The merge of layers 0 to `layer`, as text. */
  textUpTo(layer: number): string;
}

/** Undefined for layers that nobody can merge. */
function stackOf(layers: readonly (readonly TarStep[])[]): Stack | undefined {
  const tars = layers.map((steps) => tarScript(...steps));
  const indexes = tars.map(indexOf);
  try {
    const tree = mergeLayers(indexes);
    const textUpTo = (layer: number): string => treeText(mergedFiles(mergeLayers(indexes.slice(0, layer + 1)), tars));
    return { tars, tree, textUpTo };
  } catch (error) {
    if (error instanceof StrataError) return undefined;
    throw error;
  }
}

const sourceOf = ({ tars }: Stack) => ({ openTar: async (layer: number) => memorySource(tars[layer] as Uint8Array) });
const RUNS = Number(process.env["STRATA_EXTRACT_RUNS"] ?? 60);

async function forRandomStacks(check: (stack: Stack, directory: string) => Promise<void>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(wildLayers, async (layers) => {
      const stack = stackOf(layers);
      if (stack !== undefined) await withDirectory((directory) => check(stack, directory));
    }),
    { numRuns: RUNS },
  );
}

describeWith(["root", "getfattr"], "on disk, random layers give what their merge says", () => {
  it("when the whole tree is written", async () => {
    await forRandomStacks(async (stack, directory) => {
      const target = join(directory, "root");
      await extractMergedTree(target, stack.tree, sourceOf(stack));
      expect(treeText(readDirectory(target))).toBe(stack.textUpTo(stack.tars.length - 1));
    });
  });

  it("when the changes of each layer are made in one directory, after each of them", async () => {
    await forRandomStacks(async (stack, directory) => {
      const target = join(directory, "root");
      for (let layer = 0; layer < stack.tars.length; layer++) {
        await extractChanges(target, changesOfLayer(stack.tree, layer), sourceOf(stack));
        expect(treeText(readDirectory(target))).toBe(stack.textUpTo(layer));
      }
    });
  });
});

describeWith(["root", "getfattr", "mount"], "the kernel's overlayfs merges upper directories of random layers", () => {
  it("to what their merge says", async () => {
    await forRandomStacks(async (stack, directory) => {
      const uppers: string[] = [];
      for (let layer = 0; layer < stack.tars.length; layer++) {
        const upper = join(directory, String(layer));
        await extractChanges(upper, changesOfLayer(stack.tree, layer), sourceOf(stack), { whiteouts: "overlay" });
        uppers.unshift(upper);
        expect(treeText(mergedByKernel(uppers, directory))).toBe(stack.textUpTo(layer));
      }
    });
  });
});

/** An overlay wants two lower directories at least: an empty one hides nothing. */
function mergedByKernel(uppers: readonly string[], directory: string): ReturnType<typeof readDirectory> {
  const [empty, target] = [join(directory, "empty"), join(directory, "mnt")];
  for (const path of [empty, target]) mkdirSync(path, { recursive: true });
  mountOverlay({ lowers: [...uppers, empty].map(fromText), target: fromText(target) });
  try {
    return readDirectory(target);
  } finally {
    unmount(fromText(target));
    rmSync(target, { recursive: true });
  }
}
