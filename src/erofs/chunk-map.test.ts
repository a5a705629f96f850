import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chunkLength, mapChunks } from "./chunk-map.ts";

const GIB = 2 ** 30;

function sizes(file: Parameters<typeof mapChunks>[0]) {
  const map = mapChunks(file);
  return map && { chunkBits: map.chunkBits, chunks: map.chunks, copiedBytes: map.copiedBytes };
}

describe("mapChunks", () => {
  it("takes chunks as large as runs in blocks allow", () => {
    const runs = [{ offset: 65_536, length: 131_072 }];
    const file = { size: 10 * 65_536, dataOffset: 512, tarSize: GIB, runs };
    expect(sizes(file)).toEqual({ chunkBits: 16, chunks: 10, copiedBytes: 0 });
    expect(mapChunks(file)?.runs).toEqual([
      { kind: "hole", first: 0, count: 1, storedAt: 0 },
      { kind: "stored", first: 1, count: 2, storedAt: 512 },
      { kind: "hole", first: 3, count: 7, storedAt: 0 },
    ]);
  });

  it("needs one chunk for a terabyte of nothing, and little for data at its ends", () => {
    const size = 1024 * GIB;
    expect(sizes({ size, dataOffset: 512, tarSize: GIB, runs: [] })).toMatchObject({ chunks: 1, copiedBytes: 0 });
    const runs = [
      { offset: 0, length: 4096 },
      { offset: size - 4096, length: 4096 },
    ];
    const map = mapChunks({ size, dataOffset: 512, tarSize: GIB, runs });
    expect(8 * (map?.chunks ?? 0) + (map?.copiedBytes ?? 0)).toBeLessThan(16 * 2 ** 20);
  });

  it("refuses a map that is far larger than the data", () => {
    const runs = [{ offset: 1, length: 1 }];
    expect(mapChunks({ size: 2 ** 53 - 1, dataOffset: 512, tarSize: GIB, runs })).toBeUndefined();
  });

  it("copies the last block of a tar that was cut short", () => {
    const runs = [{ offset: 0, length: 1500 }];
    expect(sizes({ size: 1500, dataOffset: 512, tarSize: 2012, runs })).toMatchObject({ copiedBytes: 512 });
    expect(sizes({ size: 1500, dataOffset: 512, tarSize: 2048, runs })).toMatchObject({ copiedBytes: 0 });
  });

  it("has each byte of data in the one right place", () => {
    const gap = fc.oneof(
      fc.nat(3000),
      fc.nat(8).map((n) => 512 * n),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(gap, gap), { maxLength: 8 }), gap, fc.nat(3), (pairs, rest, head) => {
        const runs: { offset: number; length: number }[] = [];
        let end = 0;
        for (const [hole, length] of pairs) {
          runs.push({ offset: end + hole, length });
          end += hole + length;
        }
        const size = end + rest;
        if (size === 0) return;
        const dataOffset = 512 * (1 + head);
        const map = mapChunks({ size, dataOffset, tarSize: GIB, runs });
        expect(map).toBeDefined();
        if (map === undefined) return;
        let next = 0;
        let copied = 0;
        for (const { kind, first, count, storedAt } of map.runs) {
          expect(first).toBe(next);
          next += count;
          const [from, to] = [first * 2 ** map.chunkBits, Math.min(size, next * 2 ** map.chunkBits)];
          if (kind === "hole") expect(touching(runs, from, to)).toEqual([]);
          if (kind === "stored") {
            expect(storedAt % 512).toBe(0);
            expect(storedOf(runs, dataOffset, from)).toBe(storedAt);
            expect(storedOf(runs, dataOffset, to - 1)).toBe(storedAt + to - 1 - from);
          }
          if (kind === "copied") for (let i = first; i < next; i++) copied += chunkLength(i, map.chunkBits, size);
        }
        expect(next).toBe(map.chunks);
        expect(copied).toBe(map.copiedBytes);
      }),
    );
  });
});

type Runs = readonly { readonly offset: number; readonly length: number }[];

function touching(runs: Runs, from: number, to: number): Runs {
  return runs.filter(({ offset, length }) => length > 0 && offset < to && offset + length > from);
}

/** Where the byte at `at` is stored, when a run has it. */
function storedOf(runs: Runs, dataOffset: number, at: number): number | undefined {
  let stored = dataOffset;
  for (const { offset, length } of runs) {
    if (offset <= at && at < offset + length) return stored + at - offset;
    stored += length;
  }
  return undefined;
}
