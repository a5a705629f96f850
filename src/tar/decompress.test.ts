import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeWith } from "../../test/support/oracles.ts";
import { StrataError } from "../base/index.ts";
import { type Compression, type DecompressOptions, decompress, encodeHeader, sniffCompression } from "./index.ts";

/** The bytes in chunks, noting whether it was read to its end and whether it was closed. */
function inChunks(
  bytes: Uint8Array,
  size: number,
): { stream: AsyncIterable<Uint8Array>; state: { ended: boolean; closed: boolean } } {
  const state = { ended: false, closed: false };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      state.ended = true;
    } finally {
      state.closed = true;
    }
  }
  return { stream: chunks(), state };
}

async function expand(
  bytes: Uint8Array,
  kind: Compression,
  size = 1000,
  options: DecompressOptions = {},
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const { stream, state } = inChunks(bytes, size);
  for await (const chunk of decompress(stream, kind, options)) chunks.push(chunk);
  expect(state.ended).toBe(true);
  return Buffer.concat(chunks);
}

const sample = Buffer.concat([Buffer.alloc(300_000, "lorem ipsum "), randomBytes(50_000)]);
const small = Buffer.from("small");
const CHUNKS = [1e9, 1000, 17];

describe("gzip", () => {
  const zipped = gzipSync(sample);

  it.each(CHUNKS)("expands in chunks of %d bytes: one member, several, with zeros behind", async (size) => {
    expect((await expand(zipped, "gzip", size)).equals(sample)).toBe(true);
    const several = Buffer.concat([
      gzipSync(small),
      zipped,
      gzipSync(Buffer.alloc(0)),
      gzipSync(small),
      Buffer.alloc(3000),
    ]);
    expect((await expand(several, "gzip", size)).equals(Buffer.concat([small, sample, small]))).toBe(true);
  });

  it.each(CHUNKS)("fails in chunks of %d bytes wherever it is cut", async (size) => {
    const cuts = [0, 1, 5, 17, 9000, zipped.length - 9, zipped.length - 4, zipped.length - 1];
    for (const cut of cuts) {
      await expect(expand(zipped.subarray(0, cut), "gzip", size)).rejects.toMatchObject({
        code: "decompression-truncated",
        kind: "malformed",
        details: { compression: "gzip", offset: expect.any(Number) },
      });
    }
    const second = Buffer.concat([zipped, gzipSync(small).subarray(0, 12)]);
    await expect(expand(second, "gzip", size)).rejects.toMatchObject({ code: "decompression-truncated" });
  });

  it.each(CHUNKS)("fails in chunks of %d bytes when a bit is flipped, in checksum and length too", async (size) => {
    const length = zipped.length;
    for (const at of [0, 2, length >> 1, length - 7, length - 2]) {
      const damaged = Buffer.from(zipped);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      await expect(expand(damaged, "gzip", size)).rejects.toMatchObject({
        code: expect.stringMatching(/^decompression-/),
      });
    }
  });

  it.each(CHUNKS)("fails in chunks of %d bytes on garbage behind the last member, as engines do", async (size) => {
    const trailing = Buffer.concat([zipped, Buffer.from("garbage")]);
    await expect(expand(trailing, "gzip", size)).rejects.toMatchObject({ code: "decompression-corrupt" });
  });
});

describeWith(["zstd"], "zstd", () => {
  const compress = (bytes: Uint8Array, ...options: string[]): Buffer =>
    spawnSync("zstd", ["-q", "-c", ...options], { input: bytes, maxBuffer: 2 ** 28 }).stdout;
  const skippable = (length: number): Buffer => {
    const frame = Buffer.alloc(8 + length, "s");
    frame.writeUInt32LE(0x184d2a5e, 0);
    frame.writeUInt32LE(length, 4);
    return frame;
  };
  const zipped = compress(sample, "-3", "--check");

  it.each(CHUNKS)("expands in chunks of %d bytes what the command line made", async (size) => {
    for (const options of [["-1"], ["-19"], ["--no-check"], ["--fast=5"], ["--ultra", "-22", "--long=24"]]) {
      expect((await expand(compress(sample, ...options), "zstd", size)).equals(sample)).toBe(true);
    }
    expect(await expand(compress(Buffer.alloc(0)), "zstd", size)).toHaveLength(0);
  });

  it.each(CHUNKS)("expands in chunks of %d bytes several frames, skippable ones among them", async (size) => {
    const frames = [skippable(0), compress(small), zipped, skippable(5000), compress(sample, "-19"), skippable(40)];
    const expanded = await expand(Buffer.concat(frames), "zstd", size);
    expect(expanded.equals(Buffer.concat([small, sample, sample]))).toBe(true);
  });

  it.each(CHUNKS)("fails in chunks of %d bytes wherever it is cut, except between frames", async (size) => {
    const two = Buffer.concat([zipped, skippable(20), zipped]);
    const between = new Set([zipped.length, zipped.length + 28]);
    const cuts = [0, 1, 3, 4, 6, 9, 5000, zipped.length - 4, zipped.length - 1, zipped.length, zipped.length + 2];
    for (const cut of [...cuts, zipped.length + 6, zipped.length + 20, zipped.length + 28, two.length - 1]) {
      const outcome = await expand(two.subarray(0, cut), "zstd", size).catch((error: unknown) => error);
      if (between.has(cut)) expect(sample.equals(outcome as Buffer)).toBe(true);
      else expect([cut, outcome]).toMatchObject([cut, { code: "decompression-truncated", kind: "malformed" }]);
    }
  });

  it("fails on garbage behind the last frame and on a broken magic", async () => {
    for (const bytes of [
      Buffer.concat([zipped, Buffer.from("garbage")]),
      Buffer.from("\x28\xb5\x2f\xfe1234", "latin1"),
    ]) {
      await expect(expand(bytes, "zstd")).rejects.toMatchObject({ code: "decompression-corrupt" });
    }
  });

  it("never crashes on damage", async () => {
    const place = fc.nat({ max: zipped.length - 1 });
    await fc.assert(
      fc.asyncProperty(place, fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const damaged = Buffer.from(zipped);
        damaged[at] = (damaged[at] as number) ^ mask;
        const outcome = await expand(damaged, "zstd", 1e9).catch((error: unknown) => error);
        expect(outcome instanceof StrataError || outcome instanceof Buffer).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("refuses a window that would take more than 128 MiB of memory, and dictionaries", async () => {
    const large = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, (28 - 10) << 3, 0x01, 0, 0]);
    const dictionary = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x58, 0x07, 0x01, 0, 0]);
    const claim = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 0x01, 0, 0]);
    for (const bytes of [large, dictionary, claim]) {
      await expect(expand(bytes, "zstd")).rejects.toMatchObject({
        code: "compression-unsupported",
        kind: "unsupported",
      });
    }
  });
});

describe("decompress", () => {
  it("passes uncompressed bytes through", async () => {
    expect((await expand(sample, "none")).equals(sample)).toBe(true);
  });

  it.each(["none", "gzip"] as const)("refuses more output than allowed: %s", async (kind) => {
    const bytes = kind === "none" ? sample : gzipSync(sample);
    expect(await expand(bytes, kind, 1000, { maxBytes: sample.length })).toHaveLength(sample.length);
    await expect(expand(bytes, kind, 1000, { maxBytes: sample.length - 1 })).rejects.toMatchObject({
      code: "decompression-bomb",
      kind: "hostile",
      hint: expect.stringContaining("--max-layer-bytes"),
    });
  });

  it("refuses growth beyond the ratio, but not below the floor", async () => {
    const zeros = gzipSync(Buffer.alloc(3_000_000));
    expect(await expand(zeros, "gzip", 1000, { maxExpansion: 100 })).toHaveLength(3_000_000);
    const bomb = expand(zeros, "gzip", 1000, { maxExpansion: 100, expansionFloor: 1_000_000 });
    await expect(bomb).rejects.toMatchObject({
      code: "decompression-bomb",
      kind: "hostile",
      hint: expect.stringContaining("--max-expansion"),
    });
    expect(await expand(zeros, "gzip", 1000, { maxExpansion: 2000, expansionFloor: 0 })).toHaveLength(3_000_000);
  });

  it.each(["none", "gzip"] as const)("lets the input's own error through: %s", async (kind) => {
    const failure = new Error("connection lost");
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield (kind === "none" ? sample : gzipSync(sample)).subarray(0, 1000);
      throw failure;
    }
    const read = async (): Promise<void> => {
      for await (const _ of decompress(failing(), kind));
    };
    await expect(read()).rejects.toBe(failure);
  });

  it.each(["none", "gzip"] as const)("closes its input when the consumer leaves early: %s", async (kind) => {
    const noise = randomBytes(1_000_000);
    const { stream, state } = inChunks(kind === "none" ? noise : gzipSync(noise), 100);
    for await (const _ of decompress(stream, kind)) break;
    expect(state).toEqual({ ended: false, closed: true });
  });

  it("does not read ahead without bound of a slow consumer", async () => {
    const source = gzipSync(randomBytes(8_000_000));
    let taken = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < source.length; at += 10_000) {
        taken += 10_000;
        yield source.subarray(at, at + 10_000);
      }
    }
    for await (const chunk of decompress(counted(), "gzip")) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(chunk.length).toBeGreaterThan(0);
      expect(taken).toBeLessThan(3_000_000);
      break;
    }
  });
});

describe("sniffCompression", () => {
  it("knows what it sees", () => {
    const digest = createHash("sha256").update("x").digest();
    expect(sniffCompression(gzipSync(small))).toBe("gzip");
    expect(sniffCompression(Buffer.from("28b52ffd00", "hex"))).toBe("zstd");
    expect(sniffCompression(Buffer.from("502a4d180000000028b52ffd", "hex"))).toBe("zstd");
    expect(sniffCompression(Buffer.from("502a4d1800000000", "hex"))).toBe("zstd");
    expect(sniffCompression(Buffer.from("502a4d180000000004224d18", "hex"))).toBe("lz4");
    expect(sniffCompression(Buffer.from("BZh91AY"))).toBe("bzip2");
    expect(sniffCompression(Buffer.from("fd377a585a00", "hex"))).toBe("xz");
    expect(sniffCompression(digest)).toBe("none");
    expect(sniffCompression(Buffer.alloc(512))).toBe("none");
    expect(sniffCompression(Buffer.alloc(0))).toBe("none");
  });

  it("takes a tar header for what it is, whatever its first entry is called", () => {
    const mtime = { seconds: 0, nanoseconds: 0 };
    const header = encodeHeader({ name: "BZh9", type: "file", mode: 0, uid: 0, gid: 0, size: 0, mtime });
    expect(sniffCompression(header)).toBe("none");
    expect(sniffCompression(header.subarray(0, 100))).toBe("bzip2");
  });
});
