import {
  chmodSync,
  closeSync,
  existsSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
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
import { fromText } from "../base/index.ts";
import { makeSpecialFile, setFileTimes, writeXattr } from "../linux/index.ts";
import { readDirectory, treeText } from "../testing/index.ts";
import { copyTree, measureTree } from "./index.ts";

let base: string;
let from: string;
let to: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "copy-tree-"));
  [from, to] = [join(base, "from"), join(base, "to")];
  mkdirSync(from);
});
afterEach(() => rmSync(base, { recursive: true }));

const MEGABYTE = 1 << 20;

describe("a tree", () => {
  it("is copied with its links, modes and times to the nanosecond", async () => {
    mkdirSync(join(from, "d/closed"), { recursive: true });
    writeFileSync(join(from, "d/closed/f"), "bytes");
    linkSync(join(from, "d/closed/f"), join(from, "second"));
    symlinkSync("../nowhere", join(from, "d/link"));
    writeFileSync(Buffer.from(`${from}/caf\xe9\n`, "latin1"), "");
    chmodSync(join(from, "second"), 0o4711);
    chmodSync(join(from, "d/closed"), 0o500);
    for (const [i, path] of ["d/closed/f", "d/link", "d/closed", "d", ""].entries()) {
      const time = { seconds: -5 + i, nanoseconds: 123_456_789 };
      setFileTimes(fromText(join(from, path)), time, time);
    }
    await copyTree(from, to);
    expect(treeText(readDirectory(to))).toBe(treeText(readDirectory(from)));
    chmodSync(join(from, "d/closed"), 0o700);
    chmodSync(join(to, "d/closed"), 0o700);
    writeFileSync(join(to, "second"), "other");
    expect(readFileSync(join(from, "second"), "utf8")).toBe("bytes");
  });

  it("is copied with its holes", async () => {
    const file = join(from, "sparse");
    writeFileSync(file, "begin");
    truncateSync(file, 64 * MEGABYTE);
    const fd = openSync(file, "r+");
    writeSync(fd, "middle", 40 * MEGABYTE);
    closeSync(fd);
    writeFileSync(join(from, "hole"), "");
    truncateSync(join(from, "hole"), MEGABYTE);
    await copyTree(from, to);
    expect(readFileSync(join(to, "sparse")).equals(readFileSync(file))).toBe(true);
    expect(lstatSync(join(to, "hole")).size).toBe(MEGABYTE);
    expect((await measureTree(to)).bytes).toBeLessThan(MEGABYTE);
  });

  it("is copied without its sockets", async () => {
    const server = createServer().listen(join(from, "socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    await copyTree(from, to);
    server.close();
    expect(existsSync(to)).toBe(true);
    expect(existsSync(join(to, "socket"))).toBe(false);
  });

  it("is not copied onto something", async () => {
    mkdirSync(to);
    await expect(copyTree(from, to)).rejects.toThrow(expect.objectContaining({ details: expect.anything() }));
  });

  it("is measured as it lies on the disk, each file once", async () => {
    writeFileSync(join(from, "f"), Buffer.alloc(8192, 1));
    linkSync(join(from, "f"), join(from, "g"));
    const { bytes, inodes } = await measureTree(from);
    expect(inodes).toBe(2);
    expect(bytes).toBeGreaterThanOrEqual(8192);
    expect(bytes).toBeLessThan(3 * 8192);
  });
});

describeWith(["root", "getfattr"], "a tree of root", () => {
  it("is copied with owners, attributes, devices and pipes", async () => {
    const place = (name: string): string => fromText(join(from, name));
    writeFileSync(join(from, "f"), "x");
    chmodSync(join(from, "f"), 0o6755);
    writeXattr(place("f"), "user.note", Buffer.from("n"));
    writeXattr(place("f"), "security.capability", Buffer.from("0100000200200000000000000000000000000000", "hex"));
    makeSpecialFile(place("pipe"), { type: "fifo", mode: 0o600 });
    makeSpecialFile(place("null"), { type: "char", mode: 0o666, major: 1, minor: 3 });
    makeSpecialFile(place("disk"), { type: "block", mode: 0o640, major: 300, minor: 70_000 });
    symlinkSync("f", join(from, "link"));
    for (const name of ["pipe", "link"]) lchownSync(join(from, name), 1, 2);
    await copyTree(from, to);
    expect(treeText(readDirectory(to))).toBe(treeText(readDirectory(from)));
  });
});
