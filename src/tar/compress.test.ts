import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { constants, gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeWith } from "../../test/support/oracles.ts";
import { type CompressionFormat, type CompressOptions, compress, decompress, sniffCompression } from "./index.ts";

const KiB = 1024;
const BLOCK: Readonly<Record<CompressionFormat, number>> = { gzip: 1024 * KiB, zstd: 4096 * KiB, none: 4096 * KiB };
const FORMATS = ["gzip", "zstd", "none"] as const;

/** Text whose period is none of a block; the same for the same length. */
function sample(length: number): Buffer {
  return Buffer.alloc(length, TEXT);
}

const TEXT = Array.from({ length: 8_191 }, (_, i) =>
  createHash("sha256")
    .update(`${(i * i) % 251}`)
    .digest("hex"),
).join(" ");

/** A source that notes how far it was read and whether it was closed. */
function sourceOf(bytes: Uint8Array, chunkSize = 64 * KiB): { chunks: AsyncGenerator<Uint8Array>; state: SourceState } {
  const state: SourceState = { read: 0, closed: false };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; at < bytes.length; at += chunkSize) {
        const chunk = bytes.subarray(at, at + chunkSize);
        state.read += chunk.length;
        yield chunk;
      }
    } finally {
      state.closed = true;
    }
  }
  return { chunks: chunks(), state };
}

interface SourceState {
  read: number;
  closed: boolean;
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const collected: Uint8Array[] = [];
  for await (const chunk of chunks) collected.push(Uint8Array.from(chunk));
  return Buffer.concat(collected);
}

async function pack(
  bytes: Uint8Array,
  format: CompressionFormat,
  { chunkSize, ...options }: CompressOptions & { chunkSize?: number } = {},
): Promise<Buffer> {
  return collect(compress(sourceOf(bytes, chunkSize).chunks, format, options));
}

function unpack(bytes: Uint8Array, format: CompressionFormat): Promise<Buffer> {
  return collect(decompress(sourceOf(bytes).chunks, format));
}

describe.each(FORMATS)("compress to %s", (format) => {
  const block = BLOCK[format];
  const long = sample(2 * block + 1);

  it.each([0, 1, block - 1, block, block + 1, 2 * block, 2 * block + 1])("comes back: %d bytes", async (length) => {
    const packed = await pack(long.subarray(0, length), format, { concurrency: 2 });
    if (format !== "none") expect(sniffCompression(packed)).toBe(format);
    expect((await unpack(packed, format)).equals(long.subarray(0, length))).toBe(true);
  });

  it.each({ gzip: [0, 1, 9], zstd: [1, 19], none: [5] }[format])(
    "comes back when it does not compress: level %d",
    async (level) => {
      const noise = randomBytes(level > 9 ? 100_000 : block + 1000);
      expect((await unpack(await pack(noise, format, { level }), format)).equals(noise)).toBe(true);
    },
  );

  it("makes the same bytes however the input is cut and however many cores work", async () => {
    const expected = digestOf(await pack(long, format));
    const chunk = fc.oneof(fc.integer({ min: 1000, max: block * 2 }), fc.constantFrom(block, block - 1, block + 1));
    await fc.assert(
      fc.asyncProperty(
        fc.array(chunk, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 9 }),
        async (sizes, cores) => {
          const packed = await collect(compress(inPieces(long, sizes), format, { concurrency: cores }));
          expect(digestOf(packed)).toBe(expected);
        },
      ),
      { numRuns: format === "gzip" ? 12 : 6 },
    );
  });

  it("closes its input and takes no more of it when the consumer leaves early", async () => {
    const { chunks, state } = sourceOf(sample(block * 8));
    for await (const _ of compress(chunks, format, { concurrency: 2 })) break;
    expect(state.closed).toBe(true);
    const { read } = state;
    expect(read).toBeLessThanOrEqual(block * 5);
    await new Promise((resolve) => setImmediate(resolve));
    expect(state.read).toBe(read);
  });

  it("lets the input's own error through", async () => {
    const failure = new Error("connection lost");
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield long.subarray(0, block + 5);
      throw failure;
    }
    await expect(collect(compress(failing(), format, { concurrency: 3 }))).rejects.toBe(failure);
  });

  it("stops when aborted, before the first byte and in the middle, and closes its input", async () => {
    const signal = AbortSignal.abort();
    const early = sourceOf(long);
    await expect(collect(compress(early.chunks, format, { signal }))).rejects.toMatchObject({ code: "aborted" });
    expect(early.state.read).toBe(0);

    const controller = new AbortController();
    const { chunks, state } = sourceOf(sample(block * 8));
    const read = async (): Promise<void> => {
      for await (const _ of compress(chunks, format, { signal: controller.signal })) controller.abort();
    };
    await expect(read()).rejects.toMatchObject({ code: "aborted", kind: "aborted" });
    expect(state.closed).toBe(true);
    expect(state.read).toBeLessThan(block * 8);
  });

  it("reads only so far ahead of a slow consumer as it says", async () => {
    const { chunks, state } = sourceOf(sample(block * 9));
    let taken = 0;
    for await (const _ of compress(chunks, format, { concurrency: 2 })) {
      taken++;
      await new Promise((resolve) => setImmediate(resolve));
      expect(state.read).toBeLessThanOrEqual((taken + 2 * 2 + 2) * block);
    }
  });

  it("refuses numbers of cores and levels that make no sense", async () => {
    const levels = { gzip: [-1, 10, 1.5, Number.NaN], zstd: [0, 20, 2.5], none: [] }[format];
    const wrong = [
      ...levels.map((level) => ({ level })),
      ...[0, -1, 1.5, Number.NaN].map((concurrency) => ({ concurrency })),
    ];
    for (const options of wrong) {
      await expect(pack(long, format, options)).rejects.toMatchObject({
        code: "invalid-compression",
        kind: "invalid-argument",
      });
    }
  });
});

describe("gzip", () => {
  it("is one member without name or time, whose last bytes are its length", async () => {
    const bytes = sample(BLOCK.gzip * 3);
    const packed = await pack(bytes, "gzip");
    expect(packed.subarray(0, 10)).toEqual(Buffer.from("1f8b08000000000000ff", "hex"));
    expect(packed.readUInt32LE(packed.length - 4)).toBe(bytes.length);
    // A second member would begin with the magic again, and only the first would come back.
    expect(gunzipSync(packed, { finishFlush: constants.Z_FINISH }).equals(bytes)).toBe(true);
  });

  it("makes of nothing the twenty bytes that every reader knows", async () => {
    expect((await pack(Buffer.alloc(0), "gzip")).toString("hex")).toBe("1f8b08000000000000ff03000000000000000000");
  });

  it("looks back over the border of a block", async () => {
    const noise = randomBytes(16 * KiB);
    const bytes = Buffer.concat([randomBytes(BLOCK.gzip - noise.length), noise, noise, noise]);
    const packed = await pack(bytes, "gzip");
    expect(packed.length).toBeLessThan(BLOCK.gzip + 3 * KiB);
    expect(gunzipSync(packed).equals(bytes)).toBe(true);
  });
});

describe("zstd", () => {
  it("has a checksum in every frame that notices a changed byte", async () => {
    const bytes = sample(BLOCK.zstd + 100);
    const packed = await pack(bytes, "zstd");
    const frames = packed.indexOf(Buffer.from("28b52ffd", "hex"), 4);
    expect([packed[4], packed[frames + 4]].map((descriptor) => (descriptor as number) & 4)).toEqual([4, 4]);
  });
});

describeWith(["zstd"], "the zstd command", () => {
  it("accepts ours, and refuses it with another checksum", async () => {
    for (const length of [0, 1, 1000, BLOCK.zstd, BLOCK.zstd + 1]) {
      const bytes = sample(length);
      const packed = await pack(bytes, "zstd");
      const { status, stdout } = spawnSync("zstd", ["-q", "-d", "-c"], { input: packed, maxBuffer: 2 ** 26 });
      expect([length, status, stdout.equals(bytes)]).toEqual([length, 0, true]);
      const last = packed.length - 1;
      packed[last] = (packed[last] as number) ^ 1;
      expect(spawnSync("zstd", ["-q", "-t"], { input: packed }).stderr.toString()).toContain("checksum");
    }
  });
});

describeWith(["gzip"], "the gzip command", () => {
  it("accepts ours", async () => {
    for (const length of [0, 1, 1000, BLOCK.gzip, BLOCK.gzip * 2 + 1]) {
      const bytes = sample(length);
      const packed = await pack(bytes, "gzip", { concurrency: 2 });
      expect(spawnSync("gzip", ["-t"], { input: packed })).toMatchObject({ status: 0 });
      const { stdout } = spawnSync("gzip", ["-dc"], { input: packed, maxBuffer: 2 ** 26 });
      expect(stdout.equals(bytes)).toBe(true);
    }
  });
});

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The bytes in pieces of these sizes, again and again, with empty ones between. */
async function* inPieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let turn = 0;
  for (let at = 0; at < bytes.length; ) {
    const size = sizes[turn++ % sizes.length] as number;
    yield bytes.subarray(at, at + size);
    yield new Uint8Array(0);
    at += size;
  }
}
