import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { bundleProgram } from "../../test/support/bundle-program.ts";
import { describeWith } from "../../test/support/oracles.ts";
import { makeDirectoryAt, openDirectory, openDirectoryAt } from "../linux/index.ts";
import { removeTree } from "./remove-tree.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "remove-tree-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it("what is not there is removed", async () => {
  await removeTree(join(directory, "missing"));
  await removeTree(directory);
  expect(existsSync(directory)).toBe(false);
});

describeWith(["mount"], "a tree deeper than a path can say", () => {
  it("is removed", async () => {
    const tree = join(directory, "tree");
    mkdirSync(tree);
    let at = openDirectory(tree);
    for (let depth = 0; depth < 5000; depth++) {
      makeDirectoryAt(at, "d", 0o700);
      const below = openDirectoryAt(at, "d");
      closeSync(at);
      at = below;
    }
    closeSync(at);
    await removeTree(tree);
    expect(existsSync(tree)).toBe(false);
  });
});

const SOMEBODY = 65_534;

describeWith(["root"], "whoever is not root", () => {
  it("removes directories that are closed", async () => {
    const closed = join(directory, "tree/closed/below");
    mkdirSync(closed, { recursive: true });
    writeFileSync(join(closed, "f"), "");
    for (const path of ["", "tree", "tree/closed", "tree/closed/below"])
      chownSync(join(directory, path), SOMEBODY, SOMEBODY);
    chmodSync(closed, 0o500);
    chmodSync(join(directory, "tree/closed"), 0);
    const program = join(directory, "program.mjs");
    const source = join(directory, "source.ts");
    const code = `import { removeTree } from ${JSON.stringify(join(import.meta.dirname, "remove-tree.ts"))};
      await removeTree(${JSON.stringify(join(directory, "tree"))});`;
    writeFileSync(source, code);
    await bundleProgram(source, program);
    const ended = spawnSync(process.execPath, [program], { uid: SOMEBODY, gid: SOMEBODY, encoding: "utf8" });
    expect(ended.stderr).toBe("");
    expect(existsSync(join(directory, "tree"))).toBe(false);
  });
});
