import { once } from "node:events";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { imageOf, mergedScripts } from "../../test/support/image-of.ts";
import { fromText, memorySource } from "../base/index.ts";
import { dir, file } from "../testing/index.ts";
import { ImageFs } from "./index.ts";

const CONTENT = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));
const fs = imageOf([[dir("d"), file("f", CONTENT.toString("latin1")), file("empty"), file("text", fromText("€€€"))]]);

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A file of `size` zeros that counts the bytes read from it and whether it was closed. */
function counted(size: number, isSync: boolean) {
  const { tree } = mergedScripts([[file("f", "\0".repeat(size))]]);
  const seen = { bytes: 0, closed: 0 };
  const { readSync, ...source } = memorySource(new Uint8Array(size));
  const open = async () => ({
    ...source,
    ...(isSync && readSync && { readSync }),
    async read(target: Uint8Array, offset: number) {
      const count = await source.read(target, offset);
      seen.bytes += count;
      return count;
    },
    async *stream({ start = 0, end = size } = {}) {
      for (let at = start; at < Math.min(end, size); at += 1000) {
        const chunk = new Uint8Array(Math.min(1000, Math.min(end, size) - at));
        seen.bytes += chunk.length;
        yield chunk;
      }
    },
    async [Symbol.asyncDispose]() {
      seen.closed++;
    },
  });
  return { fs: new ImageFs(tree, { open }), seen };
}

describe("createReadStream", () => {
  it("is a Readable of Node's over the whole file", async () => {
    const stream = fs.createReadStream("/f");
    expect(stream).toBeInstanceOf(Readable);
    expect(stream).toMatchObject({ path: "/f", pending: true });
    expect(await collect(stream)).toEqual(CONTENT);
    expect(stream).toMatchObject({ bytesRead: 1000, pending: false, destroyed: true });
    expect(await collect(fs.createReadStream("/empty"))).toHaveLength(0);
  });

  it("cuts ranges as Array.slice does, with the end included, whatever the size of the chunks", async () => {
    const offset = fc.option(fc.nat(1100), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(offset, offset, fc.integer({ min: 1, max: 300 }), async (start, end, highWaterMark) => {
        fc.pre(start === undefined || end === undefined || start <= end);
        const stream = fs.createReadStream("/f", { start, end, highWaterMark });
        expect(await collect(stream)).toEqual(CONTENT.subarray(start ?? 0, end === undefined ? undefined : end + 1));
      }),
    );
  });

  it("gives chunks of highWaterMark", async () => {
    const lengths: number[] = [];
    for await (const chunk of fs.createReadStream("/f", { highWaterMark: 300 })) lengths.push((chunk as Buffer).length);
    expect(lengths).toEqual([300, 300, 300, 100]);
  });

  it("decodes text across the edges of chunks", async () => {
    let text = "";
    for await (const part of fs.createReadStream("/text", { encoding: "utf8", highWaterMark: 2 })) text += String(part);
    expect(text).toBe("€€€");
    let short = "";
    for await (const part of fs.createReadStream("/text", "utf8")) short += String(part);
    expect(short).toBe("€€€");
  });

  it("refuses ranges that are none, at once", () => {
    const range = expect.objectContaining({ code: "ERR_OUT_OF_RANGE" });
    expect(() => fs.createReadStream("/f", { start: 5, end: 2 })).toThrow(range);
    expect(() => fs.createReadStream("/f", { start: -1 })).toThrow(range);
    expect(() => fs.createReadStream("/f", { end: 1.5 })).toThrow(range);
    expect(() => fs.createReadStream("a\0")).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARG_VALUE" }));
  });

  it("fails in the stream when the file cannot be opened or read", async () => {
    await expect(collect(fs.createReadStream("/none"))).rejects.toMatchObject({ code: "ENOENT", syscall: "open" });
    await expect(collect(fs.createReadStream("/d"))).rejects.toMatchObject({ code: "EISDIR", syscall: "read" });
    await expect(collect(fs.createReadStream("/f", { flags: "r+" }))).rejects.toMatchObject({ code: "EROFS" });
  });

  it.each([true, false])(
    "reads no further ahead than asked, and closes the file when destroyed (sync %s)",
    async (isSync) => {
      const { fs, seen } = counted(1_000_000, isSync);
      const stream = fs.createReadStream("/f", { highWaterMark: 1000 });
      await once(stream, "ready");
      await once(stream, "readable");
      expect(seen.bytes).toBeLessThanOrEqual(4000);
      const closed = once(stream, "close");
      stream.destroy();
      await closed;
      expect(seen.closed).toBe(1);
    },
  );

  it("closes the file at its end, when a consumer stops, and when a signal fires", async () => {
    const { fs, seen } = counted(10_000, true);
    await collect(fs.createReadStream("/f"));
    expect(seen.closed).toBe(1);
    const stopped = fs.createReadStream("/f", { highWaterMark: 10 });
    const closed = new Promise((resolve) => stopped.once("close", resolve));
    for await (const _ of stopped) break;
    await closed;
    expect(seen.closed).toBe(2);
    const controller = new AbortController();
    const aborted = fs.createReadStream("/f", { highWaterMark: 10, signal: controller.signal });
    const ended = finished(aborted);
    aborted.once("data", () => controller.abort());
    await expect(ended).rejects.toMatchObject({ name: "AbortError" });
    expect(seen.closed).toBe(3);
  });

  it("leaves a handle open when it is told so, and continues where the handle stands", async () => {
    await using handle = await fs.open("/f");
    await handle.read(Buffer.alloc(10), 0, 10);
    expect(await collect(handle.createReadStream({ autoClose: false, end: 19 }))).toHaveLength(20);
    expect(await collect(handle.createReadStream({ autoClose: false, start: 990 }))).toEqual(CONTENT.subarray(990));
    expect((await handle.stat()).size).toBe(1000);
    await collect(handle.createReadStream());
    await expect(handle.stat()).rejects.toMatchObject({ code: "EBADF" });
  });
});
