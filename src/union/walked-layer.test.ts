import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rowsOf } from "../../test/support/table-rows.ts";
import type { LayerIndex } from "../layer/index.ts";
import { dir, file, hardlink, indexOf, opaque, symlink, type TarStep, tarScript, whiteout } from "../testing/index.ts";
import { mergeFiles, mergeLayers, ProvenanceTree, type TableTree } from "./index.ts";
import { walkedLayer } from "./walked-layer.ts";

function tableOf(...steps: readonly TarStep[]): TableTree | undefined {
  return walkedLayer(indexOf(tarScript(...steps)))?.table;
}

/** What merging gives, or the code of its error. */
function merged(index: LayerIndex): unknown {
  try {
    return rowsOf(mergeLayers([index]).flatten());
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

const name = fc.constantFrom("a", "a-b", "a.b", "b", "\u00e9", "\u0001");
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const target = fc.oneof(path, fc.constantFrom("", "..", "./a", "/a/b"));
const prefix = fc.constantFrom("", "./", "/");

/** Paths as a walk meets them: parents first, names in the order of their bytes. */
function inWalkOrder(paths: readonly string[]): string[] {
  const all = new Set(paths.flatMap((each) => each.split("/").map((_, i, parts) => parts.slice(0, i + 1).join("/"))));
  const key = (each: string): string => each.replaceAll("/", "\0");
  return [...all].sort((one, other) => (key(one) < key(other) ? -1 : 1));
}

/** A layer in the order of a walk; what has something below it is a directory. */
const walk: fc.Arbitrary<TarStep[]> = fc
  .tuple(
    fc.array(path, { maxLength: 12 }),
    fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 40, maxLength: 40 }),
    prefix,
  )
  .map(([paths, kinds, before]) => {
    const ordered = inWalkOrder(paths);
    const files: string[] = [];
    return ordered.map((each, i) => {
      const kind = kinds[i % kinds.length] as number;
      const isFilled = ordered.some((other) => other.startsWith(`${each}/`));
      if (isFilled || kind === 0) return dir(before + each);
      const known = files[kind % Math.max(1, files.length)];
      if (kind > 3 && known !== undefined) return hardlink(before + each, known);
      files.push(each);
      return kind === 1 ? symlink(before + each, "b") : file(before + each, "x");
    });
  });

const anyStep: fc.Arbitrary<TarStep> = fc.oneof(
  fc.tuple(prefix, path).map(([before, at]) => dir(before + at)),
  fc.tuple(prefix, path).map(([before, at]) => file(before + at, "x")),
  fc.tuple(path, target).map(([at, to]) => symlink(at, to)),
  fc.tuple(path, target).map(([at, to]) => hardlink(at, to)),
  path.map((at) => whiteout(at)),
  fc.constantFrom(
    dir(""),
    file(""),
    opaque("a"),
    file("a/"),
    file("../a"),
    dir("a//b"),
    dir("./"),
    dir("."),
    file("/"),
  ),
);

describe("walkedLayer", () => {
  it("is what merging gives of every layer in the order of a walk", () => {
    fc.assert(
      fc.property(walk, fc.boolean(), (steps, hasRoot) => {
        const index = indexOf(tarScript(...(hasRoot ? [dir("")] : []), ...steps));
        const table = walkedLayer(index)?.table;
        expect(table && rowsOf(table)).toEqual(merged(index));
      }),
      { numRuns: 1000 },
    );
  });

  it("is what merging gives of any other layer, or nothing", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 8 }), (steps) => {
        const index = indexOf(tarScript(...steps));
        const table = walkedLayer(index)?.table;
        if (table !== undefined) expect(rowsOf(table)).toEqual(merged(index));
      }),
      { numRuns: 3000 },
    );
  });

  it("finds what hardlinks name in directories that are closed, open, or have grown since somebody looked", () => {
    const steps = [
      dir("a"),
      file("a/x"),
      hardlink("a/y", "a/x"),
      dir("a/z"),
      hardlink("a/z/x", "a/x"),
      file("b"),
      hardlink("c", "a/z/x"),
      hardlink("d", "b"),
    ];
    const table = tableOf(...steps);
    const nlink = (at: string): number | undefined => table?.node(table.find(at, { followLast: false })).nlink;
    expect([nlink("a/y"), nlink("c"), nlink("d"), nlink("a")]).toEqual([4, 4, 2, 3]);
  });

  it.each([
    ["a name before the last one", [file("b"), file("a")]],
    ["a path twice", [file("a"), file("a")]],
    ["a path back in a directory that was left", [dir("a"), dir("b"), file("a/x")]],
    ["a parent that nothing describes", [file("a/x")]],
    ["a parent that is a symlink", [dir("a"), symlink("b", "a"), file("b/x")]],
    ["a hardlink to what comes later", [hardlink("a", "b"), file("b")]],
    ["a hardlink through a symlink", [dir("a"), file("a/x"), symlink("b", "a"), hardlink("c", "b/x")]],
    ["a deletion of nothing", [dir("a"), file("a/.wh.")]],
    ["what AUFS left", [dir(".wh..wh.plnk")]],
    ["a root that comes late", [file("a"), dir("")]],
    ["a name that climbs", [dir("a"), file("a/../b")]],
  ])("leaves to merging: %s", (_, steps) => {
    expect(tableOf(...steps)).toBeUndefined();
  });
});

/** The same with markers in some directories, where a walk would meet them. */
const changes: fc.Arbitrary<TarStep[]> = fc
  .tuple(walk, fc.array(fc.tuple(fc.nat(20), fc.oneof(name, fc.constant(".wh..opq"))), { maxLength: 5 }))
  .map(([steps, markers]) => {
    const directories = ["", ...steps.filter(({ type }) => type === "directory").map((step) => step.name)];
    const marked = markers.map(([at, hidden]) => file(`${directories[at % directories.length]}.wh.${hidden}`));
    const key = (step: TarStep): string => step.name.replace(/^(\.\/|\/)/, "").replaceAll("/", "\0");
    const all = new Map([...steps, ...marked].map((step) => [key(step), step]));
    return [...all.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, step]) => step);
  });

/** What a call gives, or the message of its error. */
function outcomeOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return (error as Error).message;
  }
}

describe("mergeFiles", () => {
  const indexes = (scripts: readonly (readonly TarStep[])[]): LayerIndex[] =>
    scripts.map((steps) => indexOf(tarScript(...steps)));

  it("gives the files and numbers that merging gives, of layers in the order of walks", () => {
    let tables = 0;
    fc.assert(
      fc.property(fc.array(changes, { minLength: 1, maxLength: 5 }), (scripts) => {
        const layers = indexes(scripts);
        const tree = mergeFiles(layers);
        if (!(tree instanceof ProvenanceTree)) tables++;
        expect(rowsOf(tree.flatten())).toEqual(rowsOf(mergeLayers(layers).flatten()));
      }),
      { numRuns: 2000 },
    );
    expect(tables).toBeGreaterThan(1800);
  });

  it("gives what merging gives, files or errors, of layers in any order", () => {
    fc.assert(
      fc.property(changes, fc.array(fc.array(anyStep, { maxLength: 6 }), { maxLength: 3 }), (lowest, above) => {
        const layers = indexes([lowest, ...above]);
        const merge = (): unknown => rowsOf(mergeLayers(layers).flatten());
        expect(outcomeOf(() => rowsOf(mergeFiles(layers).flatten()))).toEqual(outcomeOf(merge));
      }),
      { numRuns: 1000 },
    );
  });

  it("goes on from the tree of lower layers, wherever the stack is cut", () => {
    fc.assert(
      fc.property(fc.array(changes, { minLength: 2, maxLength: 4 }), fc.nat(3), (scripts, at) => {
        const layers = indexes(scripts);
        const cut = 1 + (at % (layers.length - 1));
        const base = mergeLayers(layers.slice(0, cut)).flatten();
        const grown = mergeFiles(layers.slice(cut), { base });
        expect(rowsOf(grown.flatten())).toEqual(rowsOf(mergeLayers(layers).flatten()));
      }),
      { numRuns: 500 },
    );
  });

  it("copies no large tree for each of hundreds of small layers", () => {
    const files = Array.from({ length: 500 }, (_, i) => file(`a/${String(i).padStart(3, "0")}`));
    const small = Array.from({ length: 300 }, (_, i) => [file(`b${String(i).padStart(3, "0")}`)]);
    const layers = indexes([[dir("a"), ...files], ...small]);
    const tree = mergeFiles(layers);
    expect(tree).toBeInstanceOf(ProvenanceTree);
    expect(rowsOf(tree.flatten())).toEqual(rowsOf(mergeLayers(layers).flatten()));
  });
});
