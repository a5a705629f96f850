import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memorySource, readAll } from "../base/index.ts";
import type { SparseRun } from "../tar/index.ts";
import { sparseSource } from "./sparse-source.ts";

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

describe("sparseSource", () => {
  it("reads like the dense file, in every way and from every offset", async () => {
    await fc.assert(
      fc.asyncProperty(sparseFile, fc.nat(200), fc.nat(60), async ({ runs, size }, start, length) => {
        const stored = Uint8Array.from({ length: runs.reduce((n, run) => n + run.length, 0) }, (_, i) => (i % 255) + 1);
        const dense = expand(stored, runs, size);
        const source = sparseSource(memorySource(stored), runs, size);
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
