import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memorySource, StrataError } from "../base/index.ts";
import { END_OF_ARCHIVE, encodeHeader, paddingOf, scanTarSync, type TarEntry, TarScanner } from "./index.ts";
import { encodePaxRecord } from "./pax-records.ts";

const member = (name: string, content: string, extra = {}): Buffer => {
  const mtime = { seconds: 1, nanoseconds: 0 };
  const fields = { name, type: "file", mode: 0o644, uid: 0, gid: 0, size: content.length, mtime, ...extra } as const;
  return Buffer.concat([encodeHeader(fields), Buffer.from(content), Buffer.alloc(paddingOf(content.length))]);
};

/** PAX, long names, an empty file, data that ends on a block, a sparse file with its map before the data. */
const SPARSE_MAP = "2\n0\n3\n2000\n2\n".padEnd(512, "\0");
const SPARSE_RECORDS = { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "4000" };
const records = Object.entries(SPARSE_RECORDS).map((record) => encodePaxRecord(...record));
const sparseHeader = member("x", records.join(""));
sparseHeader.write("x", 156, "latin1");
const ARCHIVE = Buffer.concat([
  member("plain", "hello"),
  member("long/".repeat(60), "x".repeat(512)),
  member("empty", ""),
  member("caf\xe9", "y".repeat(1300), { xattrs: new Map([["user.k", Buffer.from([0, 1, 255])]]) }),
  reseal(sparseHeader),
  member("sparse", `${SPARSE_MAP}abcde`),
  member("last", "end"),
  END_OF_ARCHIVE,
]);

function reseal(bytes: Buffer): Buffer {
  bytes.fill(0x20, 148, 156);
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bytes;
}

interface Events {
  readonly entries: TarEntry[];
  readonly contents: string[];
  readonly error?: unknown;
}

/** Everything that scanning in these chunks says, in order. */
function scan(chunks: Iterable<Uint8Array>): Events {
  const entries: TarEntry[] = [];
  const contents: string[] = [];
  const scanner = new TarScanner((entry) => contents.push("") && entries.push(entry), {
    onData: (chunk, entry) => {
      expect(entry).toBe(entries.at(-1));
      contents[entries.length - 1] += Buffer.from(chunk).toString("latin1");
    },
  });
  try {
    for (const chunk of chunks) scanner.push(chunk);
    scanner.end();
    return { entries, contents };
  } catch (error) {
    return { entries, contents, error };
  }
}

function seek(bytes: Uint8Array): Pick<Events, "entries" | "error"> {
  const entries: TarEntry[] = [];
  try {
    scanTarSync(memorySource(bytes), (entry) => entries.push(entry));
    return { entries };
  } catch (error) {
    return { entries, error };
  }
}

function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] as number;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

describe("TarScanner", () => {
  const whole = scan([ARCHIVE]);

  it("hands out entries with their data", () => {
    expect(whole.error).toBeUndefined();
    expect(whole.contents).toEqual(["hello", "x".repeat(512), "", "y".repeat(1300), "abcde", "end"]);
    expect(whole.entries[4]).toMatchObject({
      name: "sparse",
      size: 4000,
      storedSize: 5,
      sparse: [
        { offset: 0, length: 3 },
        { offset: 2000, length: 2 },
      ],
    });
  });

  it("says the same byte by byte", () => {
    expect(scan(cut(ARCHIVE, [1]))).toEqual(whole);
  });

  it("says the same for chunks of any size, and what seeking says", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(sizes, (chunkSizes) => {
        expect(scan(cut(ARCHIVE, chunkSizes))).toEqual(whole);
      }),
    );
    expect(seek(ARCHIVE).entries).toEqual(whole.entries);
  });

  it("knows the offsets of every entry exactly", () => {
    for (const { headerOffset, dataOffset, storedSize, name } of whole.entries) {
      const stored = ARCHIVE.subarray(dataOffset, dataOffset + storedSize).toString("latin1");
      expect(stored).toBe(whole.contents[whole.entries.findIndex((entry) => entry.name === name)]);
      expect(headerOffset % 512).toBe(0);
    }
    const ends = whole.entries.map(({ dataOffset, storedSize }) => dataOffset + storedSize + paddingOf(storedSize));
    expect(whole.entries.map((entry) => entry.headerOffset)).toEqual([0, ...ends.slice(0, -1)]);
  });

  it("ignores what is pushed after the end", () => {
    const scanner = new TarScanner(() => {});
    scanner.push(ARCHIVE);
    expect(scanner.ended).toBe(true);
    scanner.push(Buffer.from("garbage"));
    scanner.end();
  });

  it("lets what a callback throws come out of push", () => {
    const scanner = new TarScanner(() => {
      throw new Error("enough");
    });
    expect(() => scanner.push(ARCHIVE)).toThrow("enough");
  });
});

describe("a truncated archive", () => {
  it("gives the entries before the cut, and an error unless it is cut where one may end", () => {
    const { entries } = scan([ARCHIVE]);
    for (let size = 0; size < ARCHIVE.length; size += size % 512 === 0 || size % 512 === 511 ? 1 : 85) {
      const head = ARCHIVE.subarray(0, size);
      const result = scan(cut(head, [700]));
      expect(result.entries).toEqual(entries.slice(0, result.entries.length));
      expect(seek(head)).toEqual({ entries: result.entries, ...(result.error ? { error: result.error } : {}) });
      const mayEnd = [0, ...entries.map((entry) => entry.dataOffset + entry.storedSize)].some(
        (end) => size >= end && size <= end + paddingOf(end),
      );
      const afterEnd = size === ARCHIVE.length - 512;
      if (mayEnd || afterEnd) expect([size, result.error]).toEqual([size, undefined]);
      else expect([size, result.error]).toMatchObject([size, { code: "tar-truncated", details: { offset: size } }]);
    }
  });
});

describe("a damaged archive", () => {
  it("never crashes the reader: one flipped bit in a header is always found", () => {
    const bit = fc.integer({ min: 0, max: 512 * 8 - 1 });
    fc.assert(
      fc.property(fc.constantFrom(...scan([ARCHIVE]).entries), bit, (entry, position) => {
        const damaged = Buffer.from(ARCHIVE);
        const at = entry.headerOffset + (position >> 3);
        damaged[at] = (damaged[at] as number) ^ (1 << (position & 7));
        const { error } = scan([damaged]);
        // The spaces around the checksum are no part of it.
        const inChecksum = position >> 3 >= 148 && position >> 3 < 156;
        if (error === undefined) expect(inChecksum).toBe(true);
        else expect(error).toMatchObject({ kind: "malformed", details: { offset: expect.any(Number) } });
      }),
      { numRuns: 500 },
    );
  });

  it("ends in a typed error or other entries, whatever bytes are behind a valid checksum", () => {
    const place = fc.integer({ min: 0, max: ARCHIVE.length / 512 - 3 });
    const edits = fc.array(fc.tuple(fc.integer({ min: 0, max: 511 }), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(place, edits, (index, bytes) => {
        const damaged = Buffer.from(ARCHIVE);
        const header = damaged.subarray(index * 512, index * 512 + 512);
        for (const [at, byte] of bytes) header[at] = byte;
        reseal(header);
        const pushed = scan(cut(damaged, [1000]));
        const sought = seek(damaged);
        if (pushed.error !== undefined) expect(pushed.error).toBeInstanceOf(StrataError);
        expect(sought).toEqual({ entries: pushed.entries, ...(pushed.error ? { error: pushed.error } : {}) });
        for (const { size, storedSize, uid, mode } of pushed.entries) {
          expect(size >= 0 && storedSize >= 0 && uid >= 0 && mode >= 0 && mode <= 0o7777).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
  });

  it("of random bytes is refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000 }), (bytes) => {
        const { error } = scan([bytes]);
        if (bytes.some((byte) => byte !== 0) || bytes.length % 512 !== 0) expect(error).toBeInstanceOf(StrataError);
      }),
    );
  });
});
