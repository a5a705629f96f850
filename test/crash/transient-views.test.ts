import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildChild, type ChildProgram } from "./run-child.ts";
import type { SyncsTask } from "./syncs-child.ts";

let root: string;
let child: ChildProgram<SyncsTask>;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "syncs-"));
  child = await buildChild("syncs-child.ts");
});
afterAll(() => {
  child[Symbol.dispose]();
  rmSync(root, { recursive: true });
});

async function syncsOf(isTransient: boolean): Promise<unknown> {
  const { lines, stderr } = await child.run({ root, isTransient });
  expect(stderr).toBe("");
  return lines.map(({ synced }) => synced);
}

it("waits, with a transient view, for the bytes of its records alone", async () => {
  expect(await syncsOf(true)).toEqual([["file"], ["file"], []]);
});

it("makes any other view durable with its directory when it begins, and its record whenever that changes", async () => {
  const begun = ["directory", "directory", "file", "directory"];
  expect(await syncsOf(false)).toEqual([begun, ["file", "directory"], ["directory"]]);
});
