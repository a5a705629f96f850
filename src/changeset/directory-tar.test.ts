import { execFileSync } from "node:child_process";
import {
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeWith } from "../../test/support/oracles.ts";
import { fromText, memorySource, toBuffer } from "../base/index.ts";
import { isLinux, writeXattr } from "../linux/index.ts";
import { readTar } from "../tar/index.ts";
import { createChangeset, directoryTar, directoryTree } from "./index.ts";

let tree: string;
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), "directory-tar-test-"));
});
afterEach(() => rmSync(tree, { recursive: true, force: true }));

const at = (name: string): string => join(tree, name);
const CLAMP = { seconds: 1_000_000_000, nanoseconds: 0 };

async function bytesOf(tar: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function namesOf(tar: AsyncIterable<Uint8Array>): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of readTar(memorySource(await bytesOf(tar)))) names.push(name);
  return names;
}

/** All that the two ways of writing could tell differently. */
function fillTree(): void {
  for (const name of ["a", "a-b", "a/deep", "empty"]) mkdirSync(at(name));
  for (const name of ["a/z", "a-b/y", "a.b", "a/deep/é", `a/${"long".repeat(40)}`]) writeFileSync(at(name), name);
  writeFileSync(at("nothing"), "");
  writeFileSync(at("large"), "x".repeat(600_000));
  linkSync(at("a/z"), at("a/deep/once more"));
  linkSync(at("a/z"), at("z"));
  symlinkSync("../nowhere", at("a/link"));
  lutimesSync(at("a.b"), 1_500_000_000.25, 1_500_000_000.25);
  lutimesSync(at("z"), 900_000_000, 900_000_000);
  const sparse = openSync(at("sparse"), "w");
  writeSync(sparse, "data", 1_000_000);
  truncateSync(at("sparse"), 3_000_000);
}

describe("a directory as a layer", () => {
  it.each([{}, { clampTime: CLAMP }])("has the bytes of what makes it out of nothing, with %o", async (options) => {
    fillTree();
    const changeset = await createChangeset(undefined, await directoryTree(tree));
    const layer = directoryTar(tree);
    const bytes = await bytesOf(layer.tar(options));
    expect(bytes.equals(await bytesOf(changeset.tar(options)))).toBe(true);
    expect(layer.entryCount).toBe(changeset.changes.length);
    expect(bytes.equals(await bytesOf(layer.tar(options)))).toBe(true);
    expect(layer.entryCount).toBe(changeset.changes.length);
  });

  it("leaves out its root where it is told to, and nothing else", async () => {
    fillTree();
    const layer = directoryTar(tree);
    const names = await namesOf(layer.tar());
    expect(names[0]).toBe("./");
    expect(await namesOf(layer.tar({ withoutRoot: true }))).toEqual(names.slice(1));
  });

  it("is one file after another: the first is out before the last is found", async () => {
    writeFileSync(at("a"), "x".repeat(3 * 1024 * 1024));
    writeFileSync(at("b"), "");
    const layer = directoryTar(tree);
    const chunks = layer.tar()[Symbol.asyncIterator]();
    await chunks.next();
    expect(layer.entryCount).toBe(2);
    await chunks.return?.();
  });

  it("says what it leaves out when it comes to it", async () => {
    const server = createServer().listen(at("socket"));
    try {
      await new Promise((resolve) => server.once("listening", resolve));
      const layer = directoryTar(tree);
      expect(layer.notices).toEqual([]);
      expect(await namesOf(layer.tar())).toEqual(["./"]);
      expect(layer.notices).toMatchObject([{ what: "socket", path: "socket" }]);
    } finally {
      server.close();
    }
  });

  it("refuses a directory that is none, at once, and a name that means a deletion, in its turn", async () => {
    expect(() => directoryTar(at("none"))).toThrow(expect.objectContaining({ code: "file-not-found" }));
    mkdirSync(at("a"));
    writeFileSync(at("a/.wh.b"), "");
    await expect(bytesOf(directoryTar(tree).tar())).rejects.toMatchObject({ code: "name-reserved" });
  });

  it.runIf(isLinux())("leaves nothing open, whether it is read to its end or not", async () => {
    fillTree();
    const before = readdirSync("/proc/self/fd").length;
    await bytesOf(directoryTar(tree).tar());
    for await (const _ of directoryTar(tree).tar()) break;
    writeFileSync(at("zz"), "x".repeat(3_000_000));
    for await (const chunk of directoryTar(tree).tar()) if (Buffer.from(chunk).includes("zz\0")) break;
    expect(readdirSync("/proc/self/fd")).toHaveLength(before);
  });

  it.skipIf(process.platform === "win32")("opens no pipe, and follows no link", async () => {
    execFileSync("mkfifo", [at("pipe")]);
    symlinkSync("pipe", at("link"));
    const changeset = await createChangeset(undefined, await directoryTree(tree));
    const bytes = await bytesOf(directoryTar(tree).tar());
    expect(bytes.equals(await bytesOf(changeset.tar()))).toBe(true);
  });

  it("ends when it is told to", async () => {
    const aborted = directoryTar(tree, { signal: AbortSignal.abort() });
    await expect(bytesOf(aborted.tar())).rejects.toMatchObject({ code: "aborted" });
  });
});

describeWith(["root"], "a directory with capabilities", () => {
  it("gives them to all names of a file", async () => {
    writeFileSync(at("ping"), "");
    writeXattr(fromText(at("ping")), "security.capability", toBuffer(CAPABILITY));
    writeXattr(fromText(at("ping")), "user.other", toBuffer("x"));
    linkSync(at("ping"), at("pong"));
    const changeset = await createChangeset(undefined, await directoryTree(tree));
    const bytes = await bytesOf(directoryTar(tree).tar());
    expect(bytes.equals(await bytesOf(changeset.tar()))).toBe(true);
    const found: [string, readonly string[]][] = [];
    for await (const { name, xattrs } of readTar(memorySource(bytes)))
      found.push([name, [...(xattrs ?? new Map()).keys()]]);
    expect(found).toEqual([
      ["./", []],
      ["ping", ["security.capability", "user.other"]],
      ["pong", ["security.capability"]],
    ]);
  });
});

/** cap_net_raw=ep, as the kernel keeps it (linux/capability.h, revision 2). */
const CAPABILITY = Buffer.from("0100000200200000000000000000000000000000", "hex").toString("latin1");
