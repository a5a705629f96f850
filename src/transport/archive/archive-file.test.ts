import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openArchiveFile } from "./archive-file.ts";
import { openArchiveSink } from "./open-archive-sink.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "archive-file-"));
  path = join(directory, "out.tar");
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

test("a file appears when it is published, with all its bytes, large and small", async () => {
  await using file = await openArchiveFile(path);
  const pieces = [1, 700_000, 3, 2_000_000, 5, 0, 512].map((size, i) => Buffer.alloc(size, i + 1));
  for (const piece of pieces) await file.append(piece);
  await expect(readFile(path)).rejects.toMatchObject({ code: "ENOENT" });
  await file.publish();
  expect((await readFile(path)).equals(Buffer.concat(pieces))).toBe(true);
  expect(await readdir(directory)).toEqual(["out.tar"]);
});

test("what was there stays until then, and for good when nothing is published", async () => {
  await writeFile(path, "before");
  {
    await using file = await openArchiveFile(path);
    await file.append(Buffer.alloc(2_000_000));
  }
  expect(await readFile(path, "utf8")).toBe("before");
  expect(await readdir(directory)).toEqual(["out.tar"]);
});

test.each([0, 10, 1_500_000, 3_000_000])("what is dropped from %i on is gone", async (size) => {
  await using file = await openArchiveFile(path);
  for (let i = 0; i < 3; i++) await file.append(Buffer.alloc(1_000_000, i));
  await file.append(Buffer.from("tail"));
  await file.truncate(size);
  expect(file.size).toBe(size);
  await file.append(Buffer.from("end"));
  await file.publish();
  const expected = Buffer.concat([0, 1, 2].map((i) => Buffer.alloc(1_000_000, i))).subarray(0, size);
  expect((await readFile(path)).equals(Buffer.concat([expected, Buffer.from("end")]))).toBe(true);
});

test("what a killed process left is taken over", async () => {
  await writeFile(join(directory, ".out.tar.strata-partial"), "x".repeat(100));
  await using file = await openArchiveFile(path);
  await file.append(Buffer.from("whole"));
  await file.publish();
  expect(await readdir(directory)).toEqual(["out.tar"]);
  expect(await readFile(path, "utf8")).toBe("whole");
});

test("two writers of one file do not meet, and the last one wins", async () => {
  await using one = await openArchiveFile(path);
  await using other = await openArchiveFile(path);
  await one.append(Buffer.from("one"));
  await other.append(Buffer.from("other"));
  await other.publish();
  await one.publish();
  expect(await readFile(path, "utf8")).toBe("one");
  expect(await readdir(directory)).toEqual(["out.tar"]);
});

test("a symbolic link stays, and its target is replaced", async () => {
  await writeFile(join(directory, "target.tar"), "before");
  await symlink("target.tar", path);
  await using file = await openArchiveFile(path);
  await file.append(Buffer.from("after"));
  await file.publish();
  expect(await readFile(join(directory, "target.tar"), "utf8")).toBe("after");
  expect((await readdir(directory)).sort()).toEqual(["out.tar", "target.tar"]);
});

test("a directory in the way, or none to write into, is told", async () => {
  await mkdir(path);
  await expect(openArchiveFile(path)).rejects.toMatchObject({ code: "in-the-way" });
  await expect(openArchiveFile(join(directory, "no/such.tar"))).rejects.toMatchObject({ code: "file-not-found" });
  expect(await readdir(directory)).toEqual(["out.tar"]);
});

describe("what is sent away as it is made", () => {
  const collect = () => {
    const sent: Uint8Array[] = [];
    return { sent, stdout: async (bytes: Uint8Array) => void sent.push(bytes) };
  };

  test("goes to standard output, piece by piece", async () => {
    const { sent, stdout } = collect();
    await using sink = await openArchiveSink("-", stdout);
    for (const text of ["one ", "two"]) await sink.append(Buffer.from(text));
    expect(sink.size).toBe(7);
    await sink.publish();
    expect(Buffer.concat(sent).toString()).toBe("one two");
  });

  test("gets no end once a part of it was wrong", async () => {
    const { stdout } = collect();
    await using sink = await openArchiveSink("-", stdout);
    await sink.append(Buffer.from("right, wrong"));
    await sink.truncate(5);
    await expect(sink.append(Buffer.from("x"))).rejects.toMatchObject({ code: "archive-broken" });
    await expect(sink.publish()).rejects.toMatchObject({ code: "archive-broken" });
  });

  test("needs somebody who takes it", async () => {
    await expect(openArchiveSink("-")).rejects.toMatchObject({ code: "no-standard-output" });
  });

  test("may go to a device", async () => {
    await using sink = await openArchiveSink("/dev/null");
    await sink.append(Buffer.alloc(100));
    await sink.publish();
    expect(sink.size).toBe(100);
  });
});
