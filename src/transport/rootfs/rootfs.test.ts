import { chmod, link, lutimes, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { requireOrSkip } from "../../../test/support/skip.ts";
import { readAll } from "../../base/index.ts";
import { listDirectory } from "../../directory/index.ts";
import type { ListedLayer } from "../../layer/index.ts";
import { isLinux, makeSpecialFile, setFileTimes, writeXattr } from "../../linux/index.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "rootfs-test-"));
});
afterEach(() => rm(directory, { recursive: true }));
const at = (name: string): string => join(directory, name);
const names = ({ index }: ListedLayer): string[] => Array.from({ length: index.count }, (_, i) => index.name(i));

test("parents come before children, siblings in the order of their bytes", async () => {
  for (const name of ["b", "a", "a/z", "a-b"]) await mkdir(at(name));
  for (const name of ["a/z/f", "a/A", "B"]) await writeFile(at(name), name);
  const layer = await listDirectory(directory);
  expect(names(layer)).toEqual(["./", "B", "a", "a/A", "a/z", "a/z/f", "a-b", "b"]);
  const entry = names(layer).indexOf("a/z/f");
  await using file = await layer.open(entry);
  expect(Buffer.from(await readAll(file)).toString()).toBe("a/z/f");
});

test("links are shown and never followed", async () => {
  await mkdir(at("d"));
  await writeFile(at("d/secret"), "x");
  await symlink("d", at("to-directory"));
  await symlink("/etc/passwd", at("to-outside"));
  await symlink("to-itself", at("to-itself"));
  const layer = await listDirectory(directory);
  expect(names(layer)).toEqual(["./", "d", "d/secret", "to-directory", "to-itself", "to-outside"]);
  expect([3, 4, 5].map((i) => [layer.index.type(i), layer.index.linkName(i)])).toEqual([
    ["symlink", "d"],
    ["symlink", "to-itself"],
    ["symlink", "/etc/passwd"],
  ]);
});

test("further names of a file are hardlinks to the first", async () => {
  await mkdir(at("z"));
  await writeFile(at("m"), "x");
  await link(at("m"), at("z/again"));
  await link(at("m"), at("a"));
  const { index } = await listDirectory(directory);
  expect([1, 2, 4].map((i) => [index.name(i), index.type(i), index.linkName(i)])).toEqual([
    ["a", "file", ""],
    ["m", "hardlink", "a"],
    ["z/again", "hardlink", "a"],
  ]);
});

test("modes, sizes and times are those of the file", async () => {
  await writeFile(at("f"), "12345");
  await chmod(at("f"), 0o4751);
  await utimes(at("f"), 1, 1_700_000_000.5);
  await symlink("f", at("l"));
  await lutimes(at("l"), 1, 5);
  const { index } = await listDirectory(directory);
  expect([index.columns.mode[1], index.columns.size[1], index.columns.size[2]]).toEqual([0o4751, 5, 0]);
  expect(index.mtime(1)).toEqual({ seconds: 1_700_000_000, nanoseconds: 500_000_000 });
  expect(index.mtime(2)).toEqual({ seconds: 5, nanoseconds: 0 });
});

test("sockets are left out", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(at("socket"), resolve));
  await writeFile(at("file"), "");
  expect(names(await listDirectory(directory))).toEqual(["./", "file"]);
  await new Promise((resolve) => server.close(resolve));
});

test("a file that changed its size since, or is gone, is refused when it is opened", async () => {
  await writeFile(at("f"), "12345");
  const layer = await listDirectory(directory);
  await writeFile(at("f"), "123456");
  await expect(layer.open(1)).rejects.toThrow(
    expect.objectContaining({ code: "file-changed", kind: "failed-precondition" }),
  );
  await rm(at("f"));
  await expect(layer.open(1)).rejects.toThrow(/f is not there now/);
});

requireOrSkip(
  "on Linux",
  isLinux(),
  "not Linux",
)(() => {
  test("names are bytes", async () => {
    const name = Buffer.concat([Buffer.from(at("")), Buffer.from([0x2f, 0x66, 0xff, 0x80])]);
    await writeFile(name, "odd");
    const layer = await listDirectory(directory);
    expect(names(layer)).toEqual(["./", "f\u00ff\u0080"]);
    await using file = await layer.open(1);
    expect(Buffer.from(await readAll(file)).toString()).toBe("odd");
  });

  test("extended attributes, pipes and times before the epoch are there", async () => {
    await writeFile(at("f"), "");
    writeXattr(at("f"), "user.note", Buffer.from([0, 255]));
    makeSpecialFile(at("pipe"), { type: "fifo", mode: 0o600 });
    setFileTimes(at("pipe"), { seconds: 0, nanoseconds: 0 }, { seconds: -1, nanoseconds: 1 });
    const { index } = await listDirectory(directory);
    expect([...index.xattrs(1)].map(([name, value]) => [name, [...value]])).toEqual([["user.note", [0, 255]]]);
    expect([index.type(2), index.mtime(2)]).toEqual(["fifo", { seconds: -1, nanoseconds: 1 }]);
  });
});

requireOrSkip(
  "as root",
  isLinux() && process.getuid?.() === 0,
  "not root",
)(() => {
  test("devices have their numbers", async () => {
    makeSpecialFile(at("device"), { type: "block", mode: 0o660, major: 259, minor: 70_000 });
    const { index } = await listDirectory(directory);
    expect([index.type(1), (index.columns.device[1] ?? 0) >>> 20, (index.columns.device[1] ?? 0) & 0xfffff]).toEqual([
      "block",
      259,
      70_000,
    ]);
  });
});
