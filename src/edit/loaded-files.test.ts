import { expect, it } from "vitest";
import { imageOfSteps, loaderOf } from "../../test/support/placed-image.ts";
import { file, whiteout } from "../testing/index.ts";
import { decodeFlatTree, encodeFlatTree, mergeLayers, mergeLayersOnto } from "../union/index.ts";
import { loadedFiles } from "./loaded-files.ts";

const load = loaderOf(imageOfSteps([[file("a")], [whiteout("a"), file("b")]]));

it("are merged once for all edits that ask for the history of paths", async () => {
  const { layers, tree: merged } = await load();
  const remembered = decodeFlatTree(
    encodeFlatTree(merged),
    layers.map(({ index }) => index),
  );
  const { provenance } = loadedFiles(layers, remembered);
  const tree = provenance();
  expect(tree.everAt("a")).toBeDefined();
  expect(provenance()).toBe(tree);
});

it("are not merged again where the tree has its history already", async () => {
  const { tree, provenance } = await load();
  expect(provenance()).toBe(tree);
});

it("are merged anew where the tree was merged on one that had no history", async () => {
  const { layers } = await load();
  const [lowest, ...above] = layers.map(({ index }) => index);
  if (lowest === undefined) throw new Error("no layer");
  const grown = mergeLayersOnto(mergeLayers([lowest]).flatten(), above);
  const tree = loadedFiles(layers, grown).provenance();
  expect(tree.firstTold).toBe(0);
  expect(tree.history(tree.everAt("a") ?? 0).map(({ kind }) => kind)).toEqual(["add", "delete"]);
});
