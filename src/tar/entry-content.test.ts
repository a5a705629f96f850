import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memorySource, readAll } from "../base/index.ts";
import { entryContent } from "./entry-content.ts";
import type { SparseRun } from "./index.ts";

const DATA_OFFSET = 512;

/** Gaps and lengths become runs that neither overlap nor touch each other's order. */
const sparseFile = fc
  .tuple(fc.array(fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 20 })), { maxLength: 6 }), fc.nat(30))
  .map(([pieces, tail]) => {
    let end = 0;
    const runs: SparseRun[] = pieces.map(([gap, length]) => {
      const run = { offset: end + gap, length };
      end = run.offset + length;
      return run;
    });
    return { runs, size: end + tail };
  });

function expand(stored: Uint8Array, runs: readonly SparseRun[], size: number): Uint8Array {
  const dense = new Uint8Array(size);
  let at = 0;
  for (const { offset, length } of runs) {
    dense.set(stored.subarray(at, at + length), offset);
    at += length;
  }
  return dense;
}

describe("entryContent", () => {
  it("reads a plain file between its bounds", async () => {
    const archive = memorySource(Buffer.from("..content.."));
    const source = entryContent(archive, { dataOffset: 2, storedSize: 7, size: 7, sparse: undefined });
    expect(Buffer.from(await readAll(source)).toString()).toBe("content");
  });

  it("reads a sparse file like the dense one, in every way and from every offset", async () => {
    await fc.assert(
      fc.asyncProperty(sparseFile, fc.nat(200), fc.nat(60), async ({ runs, size }, start, length) => {
        const stored = Uint8Array.from({ length: runs.reduce((n, run) => n + run.length, 0) }, (_, i) => (i % 255) + 1);
        const dense = expand(stored, runs, size);
        const archive = Buffer.concat([Buffer.alloc(DATA_OFFSET, 0xee), stored, Buffer.alloc(50, 0xee)]);
        const place = { dataOffset: DATA_OFFSET, storedSize: stored.length, size, sparse: runs };
        const source = entryContent(memorySource(archive), place);
        expect(await readAll(source)).toEqual(dense);
        const target = new Uint8Array(length).fill(0xaa);
        const count = source.readSync?.(target, start) ?? Number.NaN;
        expect(target.subarray(0, count)).toEqual(dense.subarray(start, start + length));
        const streamed: number[] = [];
        for await (const chunk of source.stream({ start, end: start + length })) streamed.push(...chunk);
        expect(streamed).toEqual([...dense.subarray(start, start + length)]);
      }),
    );
  });
});
