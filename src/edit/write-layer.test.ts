import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { editContext } from "../../test/support/placed-image.ts";
import { readAll } from "../base/index.ts";
import { createMemoryScratch, type Scratch } from "../content/index.ts";
import { digestOf } from "../oci/index.ts";
import { dir, file, symlink, tarScript } from "../testing/index.ts";
import { takeLayer } from "./take-layer.ts";
import { writeLayer } from "./write-layer.ts";

const tar = tarScript(dir("app"), file("app/data", "x".repeat(100_000)), file("app/motd", "hello\n"));

async function* chunksOf(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

/** A scratch that knows how many of its files are alive. */
function countedScratch(): Scratch & { readonly alive: () => number } {
  const scratch = createMemoryScratch();
  const alive = new Set<object>();
  return {
    ...scratch,
    alive: () => alive.size,
    async create() {
      const created = await scratch.create();
      alive.add(created);
      return {
        ...created,
        [Symbol.asyncDispose]: async () => {
          alive.delete(created);
          await created[Symbol.asyncDispose]();
        },
      };
    },
  };
}

describe("a layer of a tar", () => {
  test.each(["gzip", "zstd", "none"] as const)("is stored with %s, and its tar lies beside it", async (compression) => {
    const { source, index, diffId, tar: kept } = await writeLayer(chunksOf(tar), editContext({ compression }));
    expect(diffId).toBe(digestOf(tar));
    expect(index.count).toBe(3);
    expect(Buffer.from(await readAll(kept)).equals(tar)).toBe(true);
    expect(Buffer.from(await readAll(await source.open())).equals(tar)).toBe(true);
    const stored = await readAll(await (source.stored ?? source).open());
    expect(digestOf(stored)).toBe(source.descriptor.digest);
    expect(stored.length).toBe(source.descriptor.size);
    expect(source.published).toEqual(source.descriptor);
    if (compression === "gzip") expect(gunzipSync(stored).equals(tar)).toBe(true);
  });

  test("is the same layer however it arrives and on however many processors", async () => {
    const one = await writeLayer(chunksOf(tar), editContext({ compression: "gzip" }));
    const other = await writeLayer(chunksOf(tar, 70_000), editContext({ compression: "gzip", cores: 4 }));
    expect(other.source.descriptor).toEqual(one.source.descriptor);
  });

  test("that escapes the root is refused, and leaves nothing in the scratch", async () => {
    const scratch = countedScratch();
    const hostile = tarScript(file("../../etc/passwd", "root"));
    await expect(writeLayer(chunksOf(hostile), editContext({ scratch, compression: "gzip" }))).rejects.toMatchObject({
      code: "path-escapes-root",
      kind: "hostile",
    });
    expect(scratch.alive()).toBe(0);
  });

  test("that replaces the root is refused", async () => {
    await expect(writeLayer(chunksOf(tarScript(symlink("./", "/etc"))), editContext())).rejects.toMatchObject({
      code: "root-replaced",
    });
  });

  test("that is no tar is refused, and leaves nothing in the scratch", async () => {
    const scratch = countedScratch();
    const text = Buffer.from("these are not the bytes of a tar\n".repeat(100));
    await expect(writeLayer(chunksOf(text), editContext({ scratch }))).rejects.toMatchObject({ kind: "malformed" });
    expect(scratch.alive()).toBe(0);
  });

  test("ends where its signal fires, and leaves nothing in the scratch", async () => {
    const scratch = countedScratch();
    const stop = new AbortController();
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      yield tar.subarray(0, 512);
      stop.abort();
      for (;;) yield Buffer.alloc(512);
    };
    for (const compression of ["gzip", "none"] as const) {
      const context = editContext({ scratch, signal: stop.signal, compression });
      await expect(writeLayer(endless(), context)).rejects.toMatchObject({ code: "aborted" });
    }
    expect(scratch.alive()).toBe(0);
  });
});

describe("a layer of bytes that are compressed already", () => {
  test("keeps them, bit for bit", async () => {
    const stored = gzipSync(tar, { level: 9 });
    const { source, diffId, index } = await takeLayer(chunksOf(stored, 7), editContext({ compression: "zstd" }));
    expect(source.descriptor).toEqual({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest: digestOf(stored),
      size: stored.length,
    });
    expect(diffId).toBe(digestOf(tar));
    expect(index.count).toBe(3);
    expect(Buffer.from(await readAll(await source.open())).equals(tar)).toBe(true);
  });

  test("is refused where layers cannot be stored so", async () => {
    const bzip2 = Buffer.concat([Buffer.from("BZh91AY&SY"), Buffer.alloc(600)]);
    await expect(takeLayer(chunksOf(bzip2), editContext())).rejects.toMatchObject({ code: "compression-unsupported" });
  });

  test.each([
    ["nothing at all", Buffer.alloc(0)],
    ["a gzip of nothing at all", gzipSync("")],
  ])("is no layer when it is %s, as a broken pipe leaves it", async (_, stored) => {
    const scratch = countedScratch();
    await expect(takeLayer(chunksOf(stored), editContext({ scratch }))).rejects.toMatchObject({ code: "tar-empty" });
    expect(scratch.alive()).toBe(0);
    expect((await takeLayer(chunksOf(tarScript()), editContext())).index.count).toBe(0);
  });

  test("that breaks off leaves nothing in the scratch", async () => {
    const scratch = countedScratch();
    const stored = gzipSync(tar).subarray(0, -20);
    await expect(takeLayer(chunksOf(stored), editContext({ scratch }))).rejects.toMatchObject({ kind: "malformed" });
    expect(scratch.alive()).toBe(0);
  });
});
