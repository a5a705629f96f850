import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readAll } from "../base/index.ts";
import { createLocalScratch } from "./drivers/local/local-scratch.ts";
import { createMemoryScratch } from "./drivers/memory/memory-scratch.ts";
import type { Scratch } from "./scratch.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "scratch-test-"));
});
afterEach(() => rm(directory, { recursive: true }));

const drivers: [string, (maxBytes: number) => Scratch][] = [
  ["local", (maxBytes) => createLocalScratch({ directory, maxBytes })],
  ["memory", (maxBytes) => createMemoryScratch({ maxBytes })],
];

describe.each(drivers)("the %s scratch", (_, createScratch) => {
  const spool = async (scratch: Scratch, ...chunks: Uint8Array[]): Promise<Awaited<ReturnType<typeof finish>>> =>
    finish(scratch, chunks);
  const finish = async (scratch: Scratch, chunks: readonly Uint8Array[]) => {
    const file = await scratch.create();
    for (const chunk of chunks) await file.write(chunk);
    return await file.finish();
  };

  test("gives back what was written, at any offset and as a stream", async () => {
    await using scratch = createScratch(1000);
    await using source = await spool(scratch, Buffer.from("abc"), new Uint8Array(0), Buffer.from("defgh"));
    expect(source.size).toBe(8);
    expect(Buffer.from(await readAll(source)).toString()).toBe("abcdefgh");
    const target = Buffer.alloc(4, "-");
    expect(await source.read(target, 6)).toBe(2);
    expect(source.readSync?.(target, 2)).toBe(4);
    expect(target.toString()).toBe("cdef");
    const chunks: Uint8Array[] = [];
    for await (const chunk of source.stream({ start: 1, end: 7 })) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe("bcdefg");
  });

  test("does not keep the caller's buffer", async () => {
    await using scratch = createScratch(1000);
    const file = await scratch.create();
    const chunk = Buffer.from("abc");
    await file.write(chunk);
    chunk.fill(0);
    await using source = await file.finish();
    expect(Buffer.from(await readAll(source)).toString()).toBe("abc");
  });

  test("holds an empty file", async () => {
    await using scratch = createScratch(0);
    await using source = await spool(scratch);
    expect(source.size).toBe(0);
    expect(await readAll(source)).toHaveLength(0);
  });

  test("bounds all files that are alive together, and takes back what is disposed", async () => {
    await using scratch = createScratch(10);
    const first = await spool(scratch, Buffer.alloc(6));
    const full = expect.objectContaining({ code: "scratch-full", kind: "hostile" });
    await expect(spool(scratch, Buffer.alloc(5))).rejects.toThrow(full);
    await first[Symbol.asyncDispose]();
    await using second = await spool(scratch, Buffer.alloc(5), Buffer.alloc(5));
    expect(second.size).toBe(10);
  });

  test("frees a file that was never finished", async () => {
    await using scratch = createScratch(4);
    const file = await scratch.create();
    await file.write(Buffer.alloc(4));
    await file[Symbol.asyncDispose]();
    await using source = await spool(scratch, Buffer.alloc(4));
    expect(source.size).toBe(4);
  });

  test("is disposed with open files in it, and a file twice", async () => {
    const scratch = createScratch(100);
    const source = await spool(scratch, Buffer.from("x"));
    await scratch[Symbol.asyncDispose]();
    await source[Symbol.asyncDispose]();
    await expect(source[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });
});

describe("the local scratch on disk", () => {
  test("leaves no name behind, even while it is written", async () => {
    await using scratch = createLocalScratch({ directory });
    const file = await scratch.create();
    await file.write(Buffer.from("secret"));
    expect(await readdir(directory)).toEqual([]);
    await using source = await file.finish();
    expect(source.location).toMatchObject({ offset: 0, size: 6, stamp: undefined });
    expect(await readFile(source.location?.path ?? "", "utf8")).toBe("secret");
  });

  test("says where it could not write", async () => {
    await using scratch = createLocalScratch({ directory: join(directory, "missing") });
    await expect(scratch.create()).rejects.toThrow(
      expect.objectContaining({ code: "file-not-found", message: expect.stringContaining("Cannot write") }),
    );
  });
});
