import { closeSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tryLock } from "../linux/index.ts";
import { openPartialFile } from "./partial-file.ts";
import { writeFileAtomically } from "./rootfs/write-file.ts";

let directory: string;
const at = (name: string): string => join(directory, name);
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "partial-file-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

test("what a killed process left goes with the next that writes the same file", async () => {
  await writeFile(at(".out.strata-partial"), "half");
  await writeFileAtomically(at("out"), chunks("who", "le"));
  expect(await readdir(directory)).toEqual(["out"]);
  expect(await readFile(at("out"), "utf8")).toBe("whole");
});

test("while it is written it lies beside its place, and goes when writing fails", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("half");
    expect(await readdir(directory)).toEqual([".out.strata-partial"]);
    throw new Error("broken");
  }
  await expect(writeFileAtomically(at("out"), broken())).rejects.toThrow("broken");
  expect(await readdir(directory)).toEqual([]);
});

test("what another process is writing is left alone", async () => {
  const other = openSync(at(".out.strata-partial"), "w");
  try {
    expect(tryLock(other, "exclusive")).toBe(true);
    await writeFileAtomically(at("out"), chunks("ours"));
    expect((await readdir(directory)).sort()).toEqual([".out.strata-partial", "out"]);
  } finally {
    closeSync(other);
  }
});

test("what somebody else put in its place is neither followed nor removed", async () => {
  await writeFile(at("victim"), "kept");
  await symlink("victim", at(".out.strata-partial"));
  await mkdir(at(".dir.strata-partial"));
  await writeFileAtomically(at("out"), chunks("ours"));
  await writeFileAtomically(at("dir"), chunks("ours"));
  expect((await readdir(directory)).sort()).toEqual([
    ".dir.strata-partial",
    ".out.strata-partial",
    "dir",
    "out",
    "victim",
  ]);
  expect(await readFile(at("victim"), "utf8")).toBe("kept");
});

test("a name may be as long as names can be", async () => {
  const name = "n".repeat(255);
  await writeFileAtomically(at(name), chunks("long"));
  expect(await readdir(directory)).toEqual([name]);
});

test("a directory in the way, or none to write into, is told", async () => {
  await mkdir(at("there"));
  await expect(openPartialFile(at("there"))).rejects.toMatchObject({ code: "in-the-way" });
  await expect(writeFileAtomically(at("no/such"), chunks())).rejects.toMatchObject({ code: "file-not-found" });
});
