import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasSharedData, noSharedData, sharedData } from "../../test/support/shared-data.ts";
import { requireOrSkip } from "../../test/support/skip.ts";
import { type ByteSource, type ByteString, memorySource, readAll, StrataError } from "../base/index.ts";
import type { TarEntry } from "./entry.ts";
import {
  decodeTarSplit,
  decompress,
  encodeTarSplit,
  encodeTarSplitAround,
  journalName,
  readTar,
  type SegmentSink,
  type TarSplitJournal,
  tarSplitSource,
  writeTar,
} from "./index.ts";
import { Crc64 } from "./tar-split-crc.ts";

/** A sink in memory. */
function memorySink(): SegmentSink {
  const chunks: Uint8Array[] = [];
  return {
    write: async (chunk) => void chunks.push(Uint8Array.from(chunk)),
    finish: async () => memorySource(Buffer.concat(chunks)),
  };
}

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

async function decode(lines: Uint8Array | string, pieces = 1000): Promise<TarSplitJournal> {
  return await decodeTarSplit(inPieces(Buffer.from(lines), pieces), { what: "the journal", segments: memorySink() });
}

/** The files of a tar, by name as spelled there. A name that occurs twice has its first place. */
async function filesOf(tar: ByteSource): Promise<Map<ByteString, Uint8Array>> {
  const files = new Map<ByteString, Uint8Array>();
  for await (const { name, type, size, storedSize, dataOffset } of readTar(tar)) {
    if (type !== "file" || size !== storedSize || files.has(name)) continue;
    files.set(name, await readAll(tar, { start: dataOffset, end: dataOffset + size }));
  }
  return files;
}

function directoryOf(files: ReadonlyMap<ByteString, Uint8Array>) {
  return {
    open: async (name: ByteString) => {
      const bytes = files.get(name);
      return bytes === undefined ? undefined : memorySource(bytes);
    },
  };
}

/** A tar, its journal and its files. */
async function split(tar: Uint8Array, pieces?: number) {
  const journal = await decode(await collect(encodeTarSplit(memorySource(tar))), pieces);
  const files = await filesOf(memorySource(tar));
  return { journal, files, source: tarSplitSource(journal, directoryOf(files)) };
}

async function tarOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const common = { mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 1, nanoseconds: 0 } };
  return await collect(
    writeTar(
      Object.entries(files).map(([name, text]) => ({
        entry: { ...common, name, type: "file" as const, size: text.length },
        data: [Buffer.from(text, "latin1")],
      })),
    ),
  );
}

const line = (fields: object): string => `${JSON.stringify(fields)}\n`;
const zeros = (count: number): string => Buffer.alloc(count).toString("base64");

describe("the checksum", () => {
  it("has the values that docker wrote", () => {
    // From a journal of dockerd 20.10: the files "b\n" and "c\n".
    for (const [text, expected] of [
      ["b\n", "YUbwAAAAAAA="],
      ["c\n", "YUdAAAAAAAA="],
    ] as const) {
      const checksum = new Crc64();
      checksum.update(Buffer.from(text));
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32BE(checksum.high, 0);
      bytes.writeUInt32BE(checksum.low, 4);
      expect(bytes.toString("base64")).toBe(expected);
    }
  });

  it("is that of the definition, in whatever pieces the bytes come", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, at) => {
        const checksum = new Crc64();
        checksum.update(bytes.subarray(0, at));
        checksum.update(bytes.subarray(at));
        expect((BigInt(checksum.high) << 32n) | BigInt(checksum.low)).toBe(bitByBit(bytes));
      }),
    );
  });
});

/** CRC-64/ISO as the definition has it. */
function bitByBit(bytes: Uint8Array): bigint {
  let crc = 0xffff_ffff_ffff_ffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0xd800_0000_0000_0000n : crc >> 1n;
  }
  return crc ^ 0xffff_ffff_ffff_ffffn;
}

describe("a journal and its files", () => {
  it("give the tar back, however it is cut and wherever it is read", async () => {
    const names = fc.stringMatching(/^[a-z\u0080-\u00ff]{1,12}$/);
    const trees = fc.dictionary(names, fc.string({ maxLength: 900, unit: "binary-ascii" }), { maxKeys: 8 });
    await fc.assert(
      fc.asyncProperty(trees, fc.integer({ min: 50, max: 3000 }), fc.nat(), async (tree, pieces, at) => {
        const tar = await tarOf(tree);
        const { source } = await split(tar, pieces);
        expect(source.size).toBe(tar.length);
        const start = at % tar.length;
        expect(Buffer.from(await readAll(source, { start, end: start + 700 }))).toEqual(
          tar.subarray(start, start + 700),
        );
        expect((await collect(source.stream())).equals(tar)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("keep names that are not UTF-8", async () => {
    const { journal, source } = await split(await tarOf({ "\u00ff\u00fe": "data" }));
    expect(journalName(journal, 0)).toBe("\u00ff\u00fe");
    await expect(collect(source.stream())).resolves.toHaveLength(source.size);
  });

  it("hold few files open, and close them all in the end", async () => {
    const tar = await tarOf(Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`f${i}`, `data ${i}`])));
    const { journal, files } = await split(tar);
    let open = 0;
    let most = 0;
    const source = tarSplitSource(journal, {
      open: async (name) => {
        most = Math.max(most, ++open);
        return { ...memorySource(files.get(name)!), [Symbol.asyncDispose]: async () => void open-- };
      },
    });
    await collect(source.stream());
    await Promise.all(Array.from({ length: 40 }, (_, i) => source.read(new Uint8Array(600), i * 1024)));
    await source[Symbol.asyncDispose]();
    expect(open).toBe(0);
    expect(most).toBeLessThanOrEqual(60);
  });

  it.each([
    ["other bytes", "tamqered", "has other bytes"],
    ["fewer bytes", "short", "has 5 bytes instead of 8"],
    ["more bytes", "much longer", "has 11 bytes instead of 8"],
  ])("say which file has %s", async (_, text, problem) => {
    const tar = await tarOf({ first: "first", "etc/passwd": "tampered" });
    const { journal, files } = await split(tar);
    const source = tarSplitSource(journal, directoryOf(new Map(files).set("etc/passwd", Buffer.from(text))));
    const error = await collect(source.stream()).catch((e: unknown) => e as StrataError);
    expect(error).toMatchObject({
      code: "layer-file-changed",
      kind: "integrity",
      details: { entry: "etc/passwd", offset: 1536 },
      message: expect.stringContaining(problem),
    });
  });

  it("say which file is missing", async () => {
    const { journal } = await split(await tarOf({ gone: "data" }));
    await expect(readAll(tarSplitSource(journal, directoryOf(new Map())))).rejects.toMatchObject({
      code: "layer-file-changed",
      details: { entry: "gone" },
    });
  });
});

describe("a journal around chosen files, without checksums", () => {
  it("finds them under other names, and keeps the rest itself", async () => {
    const tar = await tarOf({ one: "first", two: "second", empty: "", three: "third" });
    const entries: TarEntry[] = [];
    for await (const entry of readTar(memorySource(tar))) entries.push(entry);
    const chosen = entries.filter(({ name }) => name === "one" || name === "three");
    const files = chosen.map(({ name, ...entry }) => ({ ...entry, name: `elsewhere/\xff${name}` }));
    const lines = await collect(encodeTarSplitAround(memorySource(tar), files, { unchecked: true }));
    await expect(decode(lines)).rejects.toMatchObject({ code: "tar-split-malformed" });
    const options = { what: "the journal", segments: memorySink(), unchecked: true };
    const journal = await decodeTarSplit(inPieces(lines, 1000), options);
    const outside = new Map([
      ["elsewhere/\xffone", Buffer.from("first")],
      ["elsewhere/\xffthree", Buffer.from("third")],
    ]);
    expect(Buffer.from(await readAll(tarSplitSource(journal, directoryOf(outside))))).toEqual(tar);
    outside.set("elsewhere/\xffone", Buffer.from("longer"));
    const changed = tarSplitSource(journal, directoryOf(outside));
    await expect(readAll(changed)).rejects.toMatchObject({ code: "layer-file-changed" });
  });
});

describe("a broken journal", () => {
  const file = { type: 1, name: "a", size: 3, payload: zeros(8), position: 0 };
  it.each([
    ["cut off in a line", line(file).slice(0, 20)],
    ["with a line that is no JSON", "nonsense\n"],
    ["with a line that is no object", "7\n"],
    ["with a line that is null", "null\n"],
    ["with a gap in its positions", line({ ...file, position: 0 }) + line({ ...file, position: 2 })],
    ["with a position twice", line(file) + line(file)],
    ["without positions", line({ ...file, position: undefined })],
    ["with a negative size", line({ ...file, size: -1 })],
    ["with a size that is no whole number", line({ ...file, size: 1.5 })],
    ["with a size beyond all numbers", line({ ...file, size: 1e300 })],
    [
      "with sizes that add up beyond all numbers",
      line({ ...file, size: 2 ** 53 - 1 }) + line({ ...file, position: 1 }),
    ],
    ["with a checksum that is too short", line({ ...file, payload: zeros(7) })],
    ["with a checksum that is too long", line({ ...file, payload: zeros(9) })],
    ["without a checksum", line({ ...file, payload: null })],
    ["with a payload that is no base64", line({ type: 2, payload: "!!!!", position: 0 })],
    ["with a payload that is no text", line({ type: 2, payload: 5, position: 0 })],
    ["with a file without a name", line({ ...file, name: "" })],
    ["with an unknown type", line({ ...file, type: 3 })],
  ])("%s is refused", async (_, text) => {
    await expect(decode(text)).rejects.toMatchObject({ code: "tar-split-malformed", kind: "malformed" });
  });

  it("that is too long is refused", async () => {
    const lines = [0, 1, 2, 3, 4, 5, 6, 7].map((position) => line({ ...file, position })).join("");
    const options = { what: "the journal", segments: memorySink(), maxEntries: 3 };
    await expect(decodeTarSplit(inPieces(Buffer.from(lines), 100), options)).rejects.toMatchObject({
      code: "tar-split-too-large",
      kind: "hostile",
    });
  });

  it("that is a bomb is refused while it is decompressed", async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, " "));
    const lines = decompress(inPieces(bomb, 10_000), "gzip", { maxBytes: 1_000_000 });
    await expect(decodeTarSplit(lines, { what: "j", segments: memorySink() })).rejects.toMatchObject({
      code: "decompression-bomb",
    });
  });
});

requireOrSkip(
  "the tar corpus",
  hasSharedData("tar-corpus"),
  noSharedData("tar-corpus"),
)(() => {
  const names = ["golang", "tar-split"].flatMap((from) =>
    readdirSync(sharedData(`tar-corpus/${from}`)).map((name) => `${from}/${name}`),
  );
  it.each(names)("%s comes back byte for byte, if it is a tar at all", async (name) => {
    const stored = readFileSync(sharedData(`tar-corpus/${name}`));
    const compression = stored[0] === 0x1f ? "gzip" : "none";
    const tar = await collect(decompress(inPieces(stored, 65_536), compression));
    const parts = await split(tar).catch((error: unknown) => error as StrataError);
    if (parts instanceof StrataError) {
      expect(name).toMatch(/^golang\//);
      expect(["malformed", "hostile"]).toContain(parts.kind);
    } else expect((await collect(parts.source.stream())).equals(tar)).toBe(true);
  });
});
