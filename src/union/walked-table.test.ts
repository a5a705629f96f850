import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LayerIndex } from "../layer/index.ts";
import { dir, file, hardlink, indexOf, opaque, symlink, type TarStep, tarScript, whiteout } from "../testing/index.ts";
import { mergeFiles, mergeLayers, type TableTree } from "./index.ts";
import { walkedTable } from "./walked-table.ts";

function rowsOf({ columns, names, inodeCount }: TableTree): unknown {
  return { ...columns, names: names.toString("latin1"), inodeCount };
}

function tableOf(...steps: readonly TarStep[]): TableTree | undefined {
  return walkedTable(indexOf(tarScript(...steps)));
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

describe("walkedTable", () => {
  it("is what merging gives of every layer in the order of a walk", () => {
    fc.assert(
      fc.property(walk, fc.boolean(), (steps, hasRoot) => {
        const index = indexOf(tarScript(...(hasRoot ? [dir("")] : []), ...steps));
        const table = walkedTable(index);
        expect(table && rowsOf(table)).toEqual(merged(index));
      }),
      { numRuns: 1000 },
    );
  });

  it("is what merging gives of any other layer, or nothing", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 8 }), (steps) => {
        const index = indexOf(tarScript(...steps));
        const table = walkedTable(index);
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
    ["a deletion", [dir("a"), whiteout("a/x")]],
    ["a root that comes late", [file("a"), dir("")]],
    ["a name that climbs", [dir("a"), file("a/../b")]],
  ])("leaves to merging: %s", (_, steps) => {
    expect(tableOf(...steps)).toBeUndefined();
  });
});

describe("mergeFiles", () => {
  it("gives the files that merging gives", () => {
    fc.assert(
      fc.property(walk, fc.array(fc.array(anyStep, { maxLength: 6 }), { maxLength: 3 }), (lowest, above) => {
        const layers = [lowest, ...above].map((steps) => indexOf(tarScript(...steps)));
        const files = (): unknown => rowsOf(mergeFiles(layers).flatten());
        let expected: unknown;
        try {
          expected = rowsOf(mergeLayers(layers).flatten());
        } catch (error) {
          expect(files).toThrow((error as Error).message);
          return;
        }
        expect(files()).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });
});
