import { describe, expect, it } from "vitest";
import { ChunkPool } from "./chunk-pool.ts";
import { type BlockOptions, compressInBlocks, type InputBlock } from "./compress-in-blocks.ts";

const OPTIONS: BlockOptions = { blockSize: 4, concurrency: 2, signal: undefined };

/** Blocks that are being encoded until the test says so. */
class Encoder {
  readonly seen: string[] = [];
  running = 0;
  most = 0;
  readonly #finish = new Map<string, () => void>();

  encode = async (block: InputBlock): Promise<Uint8Array> => {
    const text = block.bytes.toString();
    this.seen.push(text);
    this.most = Math.max(this.most, ++this.running);
    await new Promise<void>((resolve) => this.#finish.set(text, resolve));
    this.running--;
    if (text.startsWith("!")) throw new Error(`cannot encode ${text}`);
    return Buffer.from(text.toLowerCase());
  };

  /** Lets the named block end, and whatever follows from that happen. */
  async finish(text: string): Promise<void> {
    await settled();
    const finish = this.#finish.get(text);
    if (finish === undefined) throw new Error(`${text} is not being encoded`);
    finish();
    await settled();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function* from(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

describe("compressInBlocks", () => {
  it("cuts at fixed places, tells each block what was before it and whether it is the last", async () => {
    const seen: unknown[] = [];
    const encode = async ({ bytes, previous, last }: InputBlock): Promise<Uint8Array> => {
      seen.push([bytes.toString(), previous?.toString(), last]);
      return Buffer.from(bytes);
    };
    for await (const _ of compressInBlocks(from("A", "", "AABBBBCC", "CC", ""), encode, OPTIONS));
    expect(seen).toEqual([
      ["AAAB", undefined, false],
      ["BBBC", "AAAB", false],
      ["CCC", "BBBC", true],
    ]);
  });

  it.each([
    [[], [["", true]]],
    [[""], [["", true]]],
    [["ABCD"], [["ABCD", true]]],
    [
      ["ABCDE"],
      [
        ["ABCD", false],
        ["E", true],
      ],
    ],
    [
      ["ABCD", "EFGH", ""],
      [
        ["ABCD", false],
        ["EFGH", true],
      ],
    ],
  ])("knows the last block: %j", async (chunks, expected) => {
    const seen: unknown[] = [];
    const encode = async ({ bytes, last }: InputBlock): Promise<Uint8Array> => {
      seen.push([bytes.toString(), last]);
      return Buffer.from(bytes);
    };
    for await (const _ of compressInBlocks(from(...chunks), encode, OPTIONS));
    expect(seen).toEqual(expected);
  });

  it("encodes as many at once as it may, never more, and hands them out in order", async () => {
    const encoder = new Encoder();
    const output = compressInBlocks(from("AAAABBBBCCCCDDDD"), encoder.encode, OPTIONS);
    const first = output.next();
    await settled();
    expect(encoder.seen).toEqual(["AAAA", "BBBB"]);
    await encoder.finish("BBBB");
    // The lane is used again although the first block is not there yet.
    expect(encoder.seen).toEqual(["AAAA", "BBBB", "CCCC"]);
    await encoder.finish("CCCC");
    await encoder.finish("AAAA");
    await encoder.finish("DDDD");
    const rest = [await first, await output.next(), await output.next(), await output.next(), await output.next()];
    expect(rest.map(({ value, done }) => (done ? "end" : Buffer.from(value).toString()))).toEqual([
      "aaaa",
      "bbbb",
      "cccc",
      "dddd",
      "end",
    ]);
    expect(encoder.most).toBe(2);
  });

  it("leaves nothing running when the consumer leaves, and starts nothing more", async () => {
    const encoder = new Encoder();
    const output = compressInBlocks(from("AAAABBBBCCCCDDDDEEEEFFFF"), encoder.encode, OPTIONS);
    const first = output.next();
    await encoder.finish("AAAA");
    expect(await first).toEqual({ done: false, value: Buffer.from("aaaa") });
    let left = false;
    const leaving = output.return().then(() => {
      left = true;
    });
    await encoder.finish("BBBB");
    expect(left).toBe(false);
    await encoder.finish("CCCC");
    await leaving;
    expect([encoder.seen, encoder.running]).toEqual([["AAAA", "BBBB", "CCCC"], 0]);
  });

  it("fails with the first block that cannot be encoded, in order, after the others have ended", async () => {
    const encoder = new Encoder();
    const output = compressInBlocks(from("!AAABBBBCCCC"), encoder.encode, OPTIONS);
    const failure = output.next().catch((error: unknown) => error);
    await encoder.finish("!AAA");
    await encoder.finish("BBBB");
    await encoder.finish("CCCC");
    expect(await failure).toEqual(new Error("cannot encode !AAA"));
    expect(encoder.running).toBe(0);
    expect(await output.next()).toEqual({ done: true, value: undefined });
  });

  it("fails with the error of its input, after what it began has ended", async () => {
    const encoder = new Encoder();
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("AAAAB");
      throw new Error("connection lost");
    }
    const output = compressInBlocks(failing(), encoder.encode, OPTIONS);
    const failure = output.next().catch((error: unknown) => error);
    await encoder.finish("AAAA");
    expect(await failure).toEqual(new Error("connection lost"));
    expect(encoder.running).toBe(0);
  });

  it("uses the memory of its blocks again, and that of a pool, when no block needs it", async () => {
    const pool = new ChunkPool(4);
    const memory = new Set<ArrayBufferLike>();
    const texts = Array.from({ length: 60 }, (_, i) => `${i}`.padStart(4, "."));
    const encode = async ({ bytes, previous }: InputBlock): Promise<Uint8Array> => {
      memory.add(bytes.buffer);
      // Later blocks overtake.
      for (let turn = Number(bytes.toString().replaceAll(".", "")) % 3; turn >= 0; turn--) await settled();
      return Buffer.from(`${previous?.toString() ?? ""}|${bytes.toString()},`);
    };
    const fromPool = async function* (): AsyncGenerator<Uint8Array> {
      for (const text of texts) {
        const chunk = pool.take();
        chunk.write(text);
        yield chunk;
      }
    };
    const expected = texts.map((text, i) => `${texts[i - 1] ?? ""}|${text},`).join("");
    for (const chunks of [fromPool(), from(texts.join("").slice(0, 5), texts.join("").slice(5))]) {
      memory.clear();
      let encoded = "";
      for await (const part of compressInBlocks(chunks, encode, { ...OPTIONS, pool })) encoded += part.toString();
      expect(encoded).toBe(expected);
    }
    // Two being encoded, two that wait, what they look back on, and the one at hand.
    expect(memory.size).toBeLessThanOrEqual(8);
  });
});
