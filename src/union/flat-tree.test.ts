import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dir, file, hardlink, indexOf, symlink, type TarStep, tarScript, whiteout } from "../testing/index.ts";
import { decodeFlatTree, encodeFlatTree, type MergedTree, mergeLayers, type ProvenanceTree } from "./index.ts";

const name = fc.constantFrom("a", "b", "c", "\xff");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const step: fc.Arbitrary<TarStep> = fc.oneof(
  path.map((at) => dir(at)),
  fc.tuple(path, fc.string({ maxLength: 4, unit: "binary-ascii" })).map(([at, content]) => file(at, content)),
  fc.tuple(path, path).map(([at, target]) => symlink(at, target)),
  path.map((at) => whiteout(at)),
);
/** No two layers fail to merge here: entries behind a loop of symlinks are the one thing that could. */
const stack = fc.array(fc.array(step, { maxLength: 8 }), { minLength: 1, maxLength: 4 });

function everything(tree: MergedTree): unknown[] {
  return [...tree.walk()].map(({ slot, path: at }) => {
    const { layer, entry, inode, nlink } = tree.node(slot);
    const children = tree.children(slot).map((child) => tree.nameOf(child));
    const parent = tree.pathOf(tree.parentOf(slot));
    const isFound = tree.find(at, { followLast: false }) === slot;
    return {
      at,
      again: tree.pathOf(slot),
      type: tree.typeOf(slot),
      layer,
      entry,
      inode,
      nlink,
      children,
      parent,
      isFound,
    };
  });
}

function found(tree: MergedTree, at: string): string {
  const slot = tree.find(at, { followLast: true });
  return slot < 0 ? String(slot) : tree.pathOf(slot);
}

describe("FlatTree", () => {
  it("is the tree it was made from, in every answer", () => {
    fc.assert(
      fc.property(stack, path, (layers, at) => {
        const indexes = layers.map((steps) => indexOf(tarScript(...steps)));
        let tree: ProvenanceTree;
        try {
          tree = mergeLayers(indexes);
        } catch {
          return;
        }
        for (const flat of [decodeFlatTree(encodeFlatTree(tree), indexes), tree.flatten()]) {
          expect(everything(flat)).toEqual(everything(tree));
          expect(found(flat, at)).toBe(found(tree, at));
        }
      }),
    );
  });

  it("walks from any directory and keeps hardlinks together", () => {
    const index = indexOf(tarScript(dir("d"), file("d/a", "1"), dir("d/e"), hardlink("d/e/b", "d/a"), file("z")));
    const flat = decodeFlatTree(encodeFlatTree(mergeLayers([index])), [index]);
    const top = flat.find("d", { followLast: true });
    const walked = [...flat.walk(top)];
    expect(walked.map((place) => place.path)).toEqual(["d", "d/a", "d/e", "d/e/b"]);
    const [a, b] = ["d/a", "d/e/b"].map((at) => flat.node(flat.find(at, { followLast: true })));
    expect(a?.inode).toBe(b?.inode);
    expect(a?.nlink).toBe(2);
  });

  it("refuses bytes of another version, another length or other layers", () => {
    const index = indexOf(tarScript(file("a")));
    const bytes = encodeFlatTree(mergeLayers([index]));
    const other = new Uint8Array(bytes);
    other[0] = 0xff;
    const refused = expect.objectContaining({ code: "tree-unreadable" });
    for (const wrong of [other, bytes.subarray(0, -1), bytes.subarray(0, 8)]) {
      expect(() => decodeFlatTree(wrong, [index])).toThrow(refused);
    }
    expect(() => decodeFlatTree(bytes, [index, index])).toThrow(refused);
  });
});
