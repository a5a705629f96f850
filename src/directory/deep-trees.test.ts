import {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { requireOrSkip } from "../../test/support/skip.ts";
import { openFile } from "../content/index.ts";
import { isLinux, openDirectory, openDirectoryBeneath, removeTreeAt } from "../linux/index.ts";
import { dir, file, hardlink, indexOf, type TarStep, tarScript } from "../testing/index.ts";
import { mergeLayers } from "../union/index.ts";
import { changesOfLayer } from "./changes-of-layer.ts";
import { copyTree } from "./copy-tree.ts";
import { DirectoryOpener } from "./directory-opener.ts";
import { extractChanges } from "./extract-changes.ts";
import { measureTree } from "./measure-tree.ts";
import { walkDirectory } from "./walk-directory.ts";
import { pathOfDirectory, RowsBuilder } from "./work-list.ts";

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "deep-test-"));
});
afterEach(() => {
  const directory = openDirectory(place);
  for (const name of readdirSync(place)) removeTreeAt(directory, name);
  closeSync(directory);
  rmSync(place, { recursive: true });
}, 60_000);
const at = (name: string): string => join(place, name);

/** Open files of this test. Other tests of this process may just be closing theirs. */
const openFiles = (): number =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(place);
    } catch (error) {
      // Only here paths are so long.
      return (error as NodeJS.ErrnoException).code === "ENAMETOOLONG";
    }
  }).length;

/** Longer than a path can say. */
const DEPTH = 2200;

/** Directories in each other, each with a file that has a second name in the one above. */
function deepSteps(): TarStep[] {
  const steps: TarStep[] = [];
  for (let depth = 1, path = "d"; depth <= DEPTH; depth++, path += "/d") {
    steps.push(dir(path, { mtime: { seconds: depth, nanoseconds: 0 } }));
    if (depth % 550 > 0) continue;
    steps.push(file(`${path}/f`, String(depth)), hardlink(`${path.slice(0, -2)}/again`, `${path}/f`));
  }
  return steps;
}

function expectDeep(root: string): void {
  const top = openDirectory(root);
  try {
    for (const depth of [550, DEPTH]) {
      const path = Array.from({ length: depth }, () => "d").join("/");
      const fd = openDirectoryBeneath(top, path);
      try {
        expect(fstatSync(fd).mtimeMs).toBe(depth * 1000);
        const [own, again] = ["f", "../again"].map((name) => statSync(`/proc/self/fd/${fd}/${name}`));
        expect([own?.size, own?.nlink, again?.ino]).toEqual([String(depth).length, 2, own?.ino]);
      } finally {
        closeSync(fd);
      }
    }
  } finally {
    closeSync(top);
  }
}

requireOrSkip(
  "a tree deeper than a path can say",
  isLinux() && process.getuid?.() === 0,
  "not root on Linux",
)(() => {
  it("is written, copied, measured and walked like any other, and nothing stays open", async () => {
    const tar = tarScript(...deepSteps());
    writeFileSync(at("0.tar"), tar);
    const tree = mergeLayers([indexOf(tar)]);
    const source = { openTar: () => openFile(at("0.tar")) };
    const before = openFiles();
    await extractChanges(at("written"), changesOfLayer(tree, 0), source);
    await copyTree(at("written"), at("copy"));
    for (const name of ["written", "copy"]) {
      expectDeep(at(name));
      expect((await measureTree(at(name))).inodes).toBe(1 + DEPTH + DEPTH / 550);
    }
    const walked = walkDirectory(at("copy"));
    const reader = walked.reader?.();
    const texts = new Map<string, string | undefined>();
    for (const entry of walked.entries) {
      if (entry.type === "file") texts.set(entry.name, Buffer.concat([...(reader?.read(entry) ?? [])]).toString());
    }
    const depths = [550, 1100, 1650, DEPTH].map((depth) => [depth, String(depth)]);
    expect([...texts].map(([name, text]) => [name.split("/").length, text])).toEqual(depths);
    reader?.[Symbol.dispose]();
    expect(openFiles()).toBe(before);
  }, 60_000);
});

requireOrSkip(
  "directories of a table",
  isLinux(),
  "not Linux",
)(() => {
  it("are opened in any order, few of them held", () => {
    mkdirSync(at("root"));
    const { directories } = tableOf(fc.sample(shapes(), { numRuns: 1, seed: 7 })[0] as number[]);
    const inodes = Array.from({ length: directories.count }, (_, row) => {
      const path = join(at("root"), pathOfDirectory(directories, row));
      if (row > 0) mkdirSync(path);
      return statSync(path).ino;
    });
    const top = openDirectory(at("root"));
    const before = openFiles();
    fc.assert(
      fc.property(fc.array(fc.nat(directories.count - 1)), (rows) => {
        using opener = new DirectoryOpener(directories, top);
        for (const row of rows) {
          const fd = opener.open(row);
          expect(fstatSync(fd).ino).toBe(inodes[row]);
          closeSync(fd);
          expect(openFiles() - before).toBeLessThanOrEqual(128);
        }
      }),
      { numRuns: 50 },
    );
    expect(openFiles()).toBe(before);
    closeSync(top);
  });
});

/** For each directory, how far above the last one it hangs. */
const shapes = (): fc.Arbitrary<number[]> =>
  fc.array(fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, fc.nat(40)), { minLength: 400, maxLength: 400 });

function tableOf(shape: readonly number[]) {
  const builder = new RowsBuilder();
  const node = mergeLayers([indexOf(tarScript(dir("d")))]).node(0);
  builder.add({ parent: 0, name: "", node });
  const parents = [0];
  for (const up of shape) {
    const last = parents.length - 1;
    let parent = last;
    for (let i = 0; i < up; i++) parent = parents[parent] as number;
    parents.push(parent);
    builder.add({ parent, name: `n${parents.length}`, node });
  }
  return { directories: builder.finish() };
}
