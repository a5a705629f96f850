import { execFileSync } from "node:child_process";
import { appendFile, mkdir, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readAll, type StrataError } from "../base/index.ts";
import { fileError } from "./drivers/local/file-error.ts";
import { fileStamp } from "./drivers/local/file-stamp.ts";
import { openFile } from "./drivers/local/open-file.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "file-test-"));
  path = join(directory, "file");
  await writeFile(path, "0123456789");
});
afterEach(() => rm(directory, { recursive: true }));

test("a file is read at any offset, short only at its end", async () => {
  await using file = await openFile(path);
  const target = Buffer.alloc(4);
  expect([await file.read(target, 8), await file.read(target, 10), await file.read(target, 99)]).toEqual([2, 0, 0]);
  expect(file.readSync?.(target, 3)).toBe(4);
  expect(target.toString()).toBe("3456");
  expect(file.location).toEqual({ path, offset: 0, size: 10, stamp: await fileStamp(path) });
});

test("a large file streams in chunks that stay as they were", async () => {
  const bytes = Buffer.alloc(1_300_000, "abcdefg");
  await writeFile(path, bytes);
  await using file = await openFile(path);
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.stream({ start: 7, end: 1_299_999 })) chunks.push(chunk);
  expect(chunks.length).toBeGreaterThan(1);
  expect(Buffer.concat(chunks).equals(bytes.subarray(7, 1_299_999))).toBe(true);
});

test("a stream stops when its signal fires", async () => {
  await using file = await openFile(path);
  const stream = file.stream({ signal: AbortSignal.abort() });
  await expect(stream[Symbol.asyncIterator]().next()).rejects.toThrow(expect.objectContaining({ kind: "aborted" }));
});

test("a file that shrinks while it is read is truncated, not short", async () => {
  await using file = await openFile(path);
  await truncate(path, 6);
  const truncated = expect.objectContaining({
    code: "file-truncated",
    kind: "malformed",
    details: { path, offset: 6 },
  });
  await expect(readAll(file)).rejects.toThrow(truncated);
  expect(() => file.readSync?.(Buffer.alloc(10), 0)).toThrow(truncated);
});

test("a file that grows while it is read keeps its size", async () => {
  await using file = await openFile(path);
  await appendFile(path, "more");
  expect(Buffer.from(await readAll(file)).toString()).toBe("0123456789");
});

describe("what cannot be opened is a typed error that names the path", () => {
  test.each([
    ["missing", "file-not-found", "not-found"],
    ["file/below", "file-not-found", "not-found"],
    ["directory", "is-a-directory", "invalid-argument"],
    ["loop", "symlink-loop", "invalid-argument"],
    ["x".repeat(300), "path-too-long", "invalid-argument"],
    ["nul\0byte", "invalid-path", "invalid-argument"],
  ])("%s", async (name, code, kind) => {
    await mkdir(join(directory, "directory"));
    await symlink("loop", join(directory, "loop"));
    const wanted = expect.objectContaining({ code, kind, message: expect.stringContaining(directory) });
    await expect(openFile(join(directory, name))).rejects.toThrow(wanted);
  });

  test.skipIf(process.platform === "win32")("a pipe, without waiting for its writer", async () => {
    execFileSync("mkfifo", [join(directory, "pipe")]);
    await expect(openFile(join(directory, "pipe"))).rejects.toThrow(
      expect.objectContaining({ code: "not-a-regular-file" }),
    );
  });
});

test("reading after disposal is an error, disposing twice is not", async () => {
  const file = await openFile(path);
  await file[Symbol.asyncDispose]();
  await file[Symbol.asyncDispose]();
  await expect(file.read(Buffer.alloc(1), 0)).rejects.toThrow(expect.objectContaining({ code: "source-closed" }));
});

test("a stamp changes when the file is written to, touched or replaced, and not otherwise", async () => {
  const stamps = [await fileStamp(path)];
  expect(await fileStamp(path)).toBe(stamps[0]);
  await appendFile(path, "x");
  stamps.push(await fileStamp(path));
  await utimes(path, 1, 1);
  stamps.push(await fileStamp(path));
  await writeFile(join(directory, "other"), "0123456789x");
  await utimes(join(directory, "other"), 1, 1);
  await rename(join(directory, "other"), path);
  stamps.push(await fileStamp(path));
  expect(new Set(stamps).size).toBe(4);
});

test("what the system says about a file is told in terms of what to do", () => {
  const told = (code: string): unknown => {
    const { kind, message } = fileError(
      Object.assign(new Error(`${code}: bad`), { code }),
      "/x",
      "write",
    ) as StrataError;
    return [kind, message];
  };
  expect(told("EACCES")).toEqual(["failed-precondition", "Cannot write /x: permission denied"]);
  expect(told("ENOSPC")).toEqual(["unavailable", "Cannot write /x: no space is left on the device"]);
  expect(told("EDQUOT")).toEqual(["unavailable", "Cannot write /x: the disk quota is used up"]);
  expect(told("EROFS")).toEqual(["failed-precondition", "Cannot write /x: its file system is read-only"]);
  expect(told("EIO")).toEqual(["unavailable", "Cannot write /x: the device reports an input/output error"]);
  expect(told("ENXIO")).toEqual(["unavailable", "Cannot write /x: ENXIO: bad"]);
  const other = new TypeError("not about files");
  expect(fileError(other, "/x")).toBe(other);
});
