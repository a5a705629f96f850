import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fromText, memorySource } from "../../src/base/index.ts";
import { applyChangesets } from "../../src/changeset/index.ts";
import { createMemoryScratch } from "../../src/content/index.ts";
import { changesOfLayer, extractChanges, extractMergedTree } from "../../src/directory/index.ts";
import { mountOverlay, unmount } from "../../src/linux/index.ts";
import {
  aimedAt,
  type ConformanceCase,
  char,
  dir,
  file,
  indexOf,
  judge,
  makeWitness,
  type Outcome,
  readDirectory,
  type TreeFile,
  tarScript,
  treeText,
  whiteoutCases,
} from "../../src/testing/index.ts";
import { mergeLayers, type ProvenanceTree } from "../../src/union/index.ts";
import { describeWith } from "../support/oracles.ts";
import { withDirectory } from "./oracle-trees.ts";

interface Stack {
  readonly tars: readonly Uint8Array[];
  readonly tree: ProvenanceTree;
  readonly source: Parameters<typeof extractMergedTree>[2];
}

/** How a stack comes into a directory that is not there yet; gives back what then is in it. */
type Writer = (stack: Stack, directory: string) => Promise<TreeFile[]>;

const whole: Writer = async ({ tree, source }, directory) => {
  await extractMergedTree(directory, tree, source);
  return readDirectory(directory);
};

const inPlace: Writer = async ({ tree, source }, directory) => {
  for (const layer of tree.layers.keys()) await extractChanges(directory, changesOfLayer(tree, layer), source);
  return readDirectory(directory);
};

const overlay: Writer = async ({ tree, source }, directory) => {
  const uppers: string[] = [];
  mkdirSync(directory);
  for (const layer of tree.layers.keys()) {
    uppers.unshift(join(directory, String(layer)));
    await extractChanges(uppers[0] as string, changesOfLayer(tree, layer), source, { whiteouts: "overlay" });
  }
  const [empty, target] = [join(directory, "empty"), join(directory, "merged")];
  for (const path of [empty, target]) mkdirSync(path);
  mountOverlay({ lowers: [...uppers, empty].map(fromText), target: fromText(target) });
  try {
    return readDirectory(target);
  } finally {
    unmount(fromText(target));
  }
};

/** As changesets, some at a time. Nobody but the room `changeset` merges anything. */
const applied =
  (split: (tars: readonly Uint8Array[]) => readonly (readonly Uint8Array[])[]): Writer =>
  async ({ tars }, directory) => {
    await using scratch = createMemoryScratch();
    for (const some of split(tars)) {
      const inputs = some.map((tar) => async () => memorySource(tar));
      const before = existsSync(directory) ? treeText(readDirectory(directory)) : undefined;
      await applyChangesets(directory, inputs, { scratch }).catch((error: unknown) => {
        expect(existsSync(directory) ? treeText(readDirectory(directory)) : undefined).toBe(before);
        throw error;
      });
    }
    return readDirectory(directory);
  };

async function outcomeOf(test: ConformanceCase, write: Writer, directory: string): Promise<Outcome> {
  const tars = test.layers.map((steps) => tarScript(...steps));
  try {
    const source = { openTar: async (layer: number) => memorySource(tars[layer] as Uint8Array) };
    const stack: Stack = {
      tars,
      source,
      get tree() {
        return mergeLayers(tars.map(indexOf));
      },
    };
    return { kind: "tree", files: await write(stack, join(directory, "root")) };
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { kind: "refused", code, message };
  }
}

/** One layer is as good as the whole. */
const ofSeveral = (cases: readonly ConformanceCase[]): readonly ConformanceCase[] =>
  cases.filter(({ layers }) => layers.length > 1);
const WAYS = [
  { how: "written whole", write: whole, pick: (cases: readonly ConformanceCase[]) => cases },
  { how: "applied layer by layer", write: inPlace, pick: ofSeveral },
  { how: "applied at once", write: applied((tars) => [tars]), pick: (cases: readonly ConformanceCase[]) => cases },
  { how: "applied one by one", write: applied((tars) => tars.map((tar) => [tar])), pick: ofSeveral },
  { how: "applied to the first", write: applied(([base, ...tars]) => [[base as Uint8Array], tars]), pick: ofSeveral },
  // An upper directory has no way to say that there is a device 0:0: see below.
  {
    how: "merged by the kernel",
    write: overlay,
    pick: (cases: readonly ConformanceCase[]) => ofSeveral(cases).filter(({ name }) => name !== DEVICE_ZERO),
  },
];
const DEVICE_ZERO = "device-zero-zero-is-a-device";

for (const [chapter, cases] of whiteoutCases) {
  describeWith(["root", "getfattr", "mount"], `on disk: ${chapter}`, () => {
    for (const { how, write, pick } of WAYS) {
      it.each(pick(cases).map((test) => [test.name, test] as const))(`%s, ${how}`, async (_, plain) => {
        await withDirectory(async (directory) => {
          const witness = makeWitness(directory);
          const before = witness.state();
          const test = aimedAt(plain, witness.path);
          const outcome = await outcomeOf(test, write, directory);
          expect(witness.state()).toEqual(before);
          expect(judge(test, outcome, { times: true })).toEqual({ kind: "ok", note: "" });
          if (outcome.kind === "refused" && "refusal" in test.expected) {
            expect(outcome.code).toBe(test.expected.refusal.code);
          }
        });
      });
    }
  });
}

describeWith(["root", "getfattr", "mount"], "TranslateOverlayWhiteouts: a device 0:0 of the image", () => {
  it("is left out of an upper directory, which says so and does not show what it replaced", async () => {
    const tars = [
      tarScript(file("b", "1"), file("c", "1")),
      tarScript(char("b", [0, 0]), char("d", [0, 0]), dir("new"), char("new/e", [0, 0])),
    ];
    const tree = mergeLayers(tars.map(indexOf));
    const source = { openTar: async (layer: number) => memorySource(tars[layer] as Uint8Array) };
    await withDirectory(async (directory) => {
      const files = await overlay({ tars, tree, source }, join(directory, "root"));
      expect(files.map(({ path }) => path)).toEqual(["", "c", "new"]);
      const changes = changesOfLayer(tree, 1);
      const report = await extractChanges(join(directory, "upper"), changes, source, { whiteouts: "overlay" });
      expect(report.skipped).toEqual([
        { what: "whiteout", path: "b", name: "", reason: "overlayfs takes it for a deletion", count: 3 },
      ]);
      expect(readdirSync(join(directory, "upper")).sort()).toEqual(["b", "new"]);
      expect(readdirSync(join(directory, "upper/new"))).toEqual([]);
    });
  });
});
