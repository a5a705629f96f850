import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rowsOf } from "../../test/support/table-rows.ts";
import type { LayerIndex } from "../layer/index.ts";
import { dir, file, hardlink, indexOf, opaque, symlink, type TarStep, tarScript, whiteout } from "../testing/index.ts";
import {
  decodeFlatTree,
  encodeFlatTree,
  type LayerStep,
  type MergedNode,
  mergeLayers,
  mergeLayersOnto,
  type ProvenanceTree,
  type TableTree,
} from "./index.ts";

const name = fc.constantFrom("a", "b", "c");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const mode = fc.constantFrom(0o755, 0o700);
const step: fc.Arbitrary<TarStep> = fc.oneof(
  fc.tuple(path, mode).map(([at, bits]) => dir(at, { mode: bits })),
  fc.tuple(path, fc.string({ maxLength: 2, unit: "binary-ascii" })).map(([at, content]) => file(at, content)),
  fc.tuple(path, fc.oneof(path, fc.constantFrom("..", "../..", "/"))).map(([at, target]) => symlink(at, target)),
  fc.tuple(path, path).map(([at, target]) => hardlink(at, target)),
  path.map((at) => whiteout(at)),
  fc.oneof(path, fc.constant("")).map((at) => opaque(at)),
);
const stack = fc.array(fc.array(step, { maxLength: 7 }), { minLength: 2, maxLength: 4 });

/** The layers that can be merged: a hardlink without a target ends the stack before it. */
function mergeable(scripts: readonly (readonly TarStep[])[]): LayerIndex[] {
  const layers: LayerIndex[] = [];
  for (const steps of scripts) {
    try {
      mergeLayers([...layers, indexOf(tarScript(...steps))]);
    } catch {
      continue;
    }
    layers.push(indexOf(tarScript(...steps)));
  }
  return layers;
}

function fileOf(node: MergedNode | undefined): unknown {
  return node && { layer: node.layer, entry: node.entry, inode: node.inode };
}

/** What the layers from this one on did, slots told by their paths; in which order an opaque marker takes names away says nothing. */
function deedsOf(tree: ProvenanceTree, from: number): unknown[] {
  const at = ({ slot, before, after, cause }: LayerStep) => ({
    path: tree.pathOf(slot),
    cause,
    before: fileOf(before),
    after: fileOf(after),
    names: tree
      .namesAfter(after?.inode ?? 0, tree.layers.length - 1)
      ?.map((each) => tree.pathOf(each))
      .sort(),
  });
  const byPath = (one: { path: string }, other: { path: string }): number => (one.path < other.path ? -1 : 1);
  return tree.layers.map((_, layer) => (layer < from ? [] : [...tree.steps(layer)].map(at).sort(byPath)));
}

describe("mergeLayersOnto", () => {
  it("gives what merging all layers gives, wherever the stack is cut: files, inodes, numbers of names, and what the upper layers did", () => {
    fc.assert(
      fc.property(stack, (scripts) => {
        const layers = mergeable(scripts);
        const whole = mergeLayers(layers);
        for (let cut = 1; cut <= layers.length; cut++) {
          const base = mergeLayers(layers.slice(0, cut)).flatten();
          const grown = mergeLayersOnto(base, layers.slice(cut));
          expect(deedsOf(grown, cut)).toEqual(deedsOf(whole, cut));
          expect(rowsOf(grown.flatten())).toEqual(rowsOf(whole.flatten()));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("builds on a tree that was kept, as often as one likes", () => {
    const layers = [
      [dir("a"), file("a/one", "1"), hardlink("a/two", "a/one"), dir("b"), dir("b/c"), file("b/c/d", "4")],
      [hardlink("e", "b/c/d")],
      [whiteout("a/one"), dir("a", { mode: 0o700 })],
      [],
    ].map((steps) => indexOf(tarScript(...steps)));
    let tree: TableTree = mergeLayers(layers.slice(0, 1)).flatten();
    for (let count = 1; count < layers.length; count++) {
      const kept = decodeFlatTree(encodeFlatTree(tree), layers.slice(0, count));
      tree = mergeLayersOnto(kept, layers.slice(count, count + 1)).flatten();
    }
    expect(rowsOf(tree)).toEqual(rowsOf(mergeLayers(layers).flatten()));
    const linksAt = (at: string): number => tree.node(tree.find(at, { followLast: false })).nlink;
    expect(["a/two", "b/c/d", "e"].map(linksAt)).toEqual([1, 2, 2]);
  });

  it("does not pretend to know what the layers of the base did", () => {
    const [below, above] = [file("a"), file("b")].map((one) => indexOf(tarScript(one))) as [LayerIndex, LayerIndex];
    const tree = mergeLayersOnto(mergeLayers([below]).flatten(), [above]);
    expect(tree.firstTold).toBe(1);
    const unknown = expect.objectContaining({ code: "layer-changes-unknown" });
    expect(() => tree.changes(0)).toThrow(unknown);
    expect(() => tree.steps(1, 0)).toThrow(unknown);
    expect(() => tree.events(0)).toThrow(unknown);
    const told = [...tree.changes(1)].map(({ kind, slot }) => `${kind} ${tree.pathOf(slot)}`);
    expect(told).toEqual(["add b"]);
    expect(tree.history(tree.everAt("a") ?? -1)).toEqual([]);
  });

  it("names the layer that cannot be applied by its number in the whole", () => {
    const base = mergeLayers([indexOf(tarScript(file("a")))]).flatten();
    const broken = indexOf(tarScript(hardlink("b", "missing")));
    const missing = expect.objectContaining({
      code: "hardlink-target-missing",
      details: expect.objectContaining({ layer: 1 }),
    });
    expect(() => mergeLayersOnto(base, [broken])).toThrow(missing);
  });
});
