import { describe, expect, it } from "vitest";
import { imageOf, mergedScripts } from "../../test/support/image-of.ts";
import { type ByteSource, memorySource } from "../base/index.ts";
import { dir, file } from "../testing/index.ts";
import { type FileContents, ImageFs } from "./index.ts";

const TEXT = "0123456789";
const fs = imageOf([[dir("d"), file("f", TEXT), file("empty")]]);

describe("a file handle", () => {
  it("reads in every form of FileHandle.read", async () => {
    await using handle = await fs.open("/f");
    const buffer = Buffer.alloc(6, ".");
    expect(await handle.read(buffer, 1, 3, 2)).toEqual({ bytesRead: 3, buffer });
    expect(buffer.toString()).toBe(".234..");
    expect(await handle.read(buffer, { offset: 4, position: 9n })).toMatchObject({ bytesRead: 1 });
    expect(buffer.toString()).toBe(".2349.");
    expect(await handle.read({ buffer, position: 0, length: 2 })).toMatchObject({ bytesRead: 2 });
    expect(buffer.toString()).toBe("01349.");
    const fresh = await handle.read();
    expect(fresh.buffer.byteLength).toBe(16 * 1024);
    expect(fresh.buffer.subarray(0, fresh.bytesRead).toString()).toBe(TEXT);
    const words = new Uint16Array(2);
    expect((await handle.read(words, null, null, 0)).bytesRead).toBe(4);
    expect(Buffer.from(words.buffer).toString()).toBe("0123");
  });

  it("moves on from where the last read ended, and only then", async () => {
    await using handle = await fs.open("/f");
    const next = async (length: number) => {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, null);
      return buffer.toString("utf8", 0, bytesRead);
    };
    expect(await next(3)).toBe("012");
    await handle.read(Buffer.alloc(4), 0, 4, 6);
    expect(await Promise.all([next(2), next(3)])).toEqual(["34", "567"]);
    expect(await handle.readFile("utf8")).toBe("89");
    expect(await next(1)).toBe("");
    expect(await handle.readFile()).toEqual(Buffer.alloc(0));
  });

  it("fills several buffers in a row", async () => {
    await using handle = await fs.open("/f");
    const buffers = [Buffer.alloc(4), Buffer.alloc(0), new Uint8Array(4), Buffer.alloc(4, ".")];
    expect(await handle.readv(buffers, 1)).toEqual({ bytesRead: 9, buffers });
    expect(Buffer.concat(buffers).toString()).toBe("123456789...");
  });

  it("refuses what Node's refuses", async () => {
    await using handle = await fs.open("/f");
    for (const args of [
      [Buffer.alloc(4), -1],
      [Buffer.alloc(4), 0, 5],
      [Buffer.alloc(4), 2, 3],
      [Buffer.alloc(4), 1.5],
    ]) {
      await expect(handle.read(...(args as [Buffer]))).rejects.toMatchObject({ code: "ERR_OUT_OF_RANGE" });
    }
    await expect(handle.read(5 as never)).rejects.toMatchObject({ code: "ERR_INVALID_ARG_TYPE" });
    expect((await handle.read(Buffer.alloc(0))).bytesRead).toBe(0);
  });

  it("fails with EBADF after it was closed, and may be closed again", async () => {
    const handle = await fs.open("/f");
    await handle.close();
    await handle.close();
    for (const ask of [() => handle.read(), () => handle.readFile(), () => handle.stat(), () => handle.sync()]) {
      await expect(ask()).rejects.toMatchObject({ code: "EBADF" });
    }
  });

  it("writes nothing", async () => {
    await using handle = await fs.open("/f");
    const { write, writeFile, appendFile, truncate, chmod, chown, utimes, writev } = handle;
    for (const refused of [write, writeFile, appendFile, truncate, chmod, chown, utimes, writev]) {
      await expect(refused("x")).rejects.toMatchObject({ code: "EROFS" });
    }
    await expect(handle.sync()).resolves.toBeUndefined();
  });

  it("is taken by readFile in the place of a path, and stays open", async () => {
    await using handle = await fs.open("/f");
    expect(await fs.readFile(handle, "utf8")).toBe(TEXT);
    expect((await handle.stat({ bigint: true })).size).toBe(10n);
  });

  it("gives a web stream", async () => {
    await using handle = await fs.open("/f");
    const chunks: Uint8Array[] = [];
    for await (const chunk of handle.readableWebStream()) chunks.push(chunk as Uint8Array);
    expect(Buffer.concat(chunks).toString()).toBe(TEXT);
    expect((await handle.stat()).size).toBe(10);
  });
});

/** One file `/f` whose source counts what becomes of it. */
function watched(content: Buffer, wrap: (source: ByteSource) => Partial<ByteSource> = () => ({})) {
  const { tree } = mergedScripts([[file("f", content.toString("latin1"))]]);
  const counts = { opened: 0, closed: 0 };
  const contents: FileContents = {
    async open() {
      counts.opened++;
      const source = memorySource(content);
      return {
        ...source,
        async [Symbol.asyncDispose]() {
          counts.closed++;
        },
        ...wrap(source),
      };
    },
  };
  return { fs: new ImageFs(tree, contents), counts };
}

describe("the source of an open file", () => {
  const content = Buffer.alloc(300_000, "abcdefg");

  it("is let go when its handle is closed, after the reads under way", async () => {
    let finish = () => {};
    const slow = (source: ByteSource): Partial<ByteSource> => ({
      read: async (target, offset) => {
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return source.read(target, offset);
      },
    });
    const { fs, counts } = watched(content, slow);
    const handle = await fs.open("/f");
    const reading = handle.read(Buffer.alloc(10), 0, 10, 0);
    const closing = handle.close();
    await Promise.resolve();
    expect(counts).toEqual({ opened: 1, closed: 0 });
    finish();
    expect((await reading).bytesRead).toBe(10);
    await closing;
    expect(counts).toEqual({ opened: 1, closed: 1 });
  });

  it("is let go after readFile, also when reading fails", async () => {
    const good = watched(content);
    expect(content.equals(await good.fs.readFile("/f"))).toBe(true);
    expect(good.counts).toEqual({ opened: 1, closed: 1 });
    const fault = new Error("the layer is truncated");
    const bad = watched(content, () => ({ read: () => Promise.reject(fault) }));
    await expect(bad.fs.readFile("/f")).rejects.toBe(fault);
    expect(bad.counts).toEqual({ opened: 1, closed: 1 });
  });

  it("is streamed, not read at random, when it cannot be read at once: that would make a layer be spooled", async () => {
    const inOrder = (source: ByteSource): Partial<ByteSource> => ({
      readSync: undefined as never,
      read: () => Promise.reject(new Error("read at random")),
      stream: (range) => source.stream(range),
    });
    const { fs } = watched(content, inOrder);
    expect(content.equals(await fs.readFile("/f"))).toBe(true);
    const chunks: Buffer[] = [];
    for await (const chunk of fs.createReadStream("/f", { start: 5, end: 9 })) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks)).toEqual(content.subarray(5, 10));
  });

  it("serves many readers at once, each with its own", async () => {
    const { fs, counts } = watched(content);
    const all = await Promise.all(Array.from({ length: 200 }, () => fs.readFile("/f")));
    expect(all.every((bytes) => bytes.equals(content))).toBe(true);
    expect(counts).toEqual({ opened: 200, closed: 200 });
  });
});
