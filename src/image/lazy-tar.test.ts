import { describe, expect, it } from "vitest";
import { readAll } from "../base/index.ts";
import { createMemoryScratch } from "../content/index.ts";
import { lazyTar } from "./lazy-tar.ts";

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i);

function lazy(): { readonly source: ReturnType<typeof lazyTar>; readonly inflated: number[] } {
  const inflated: number[] = [];
  const source = lazyTar({
    size: BYTES.length,
    scratch: createMemoryScratch(),
    async *inflate() {
      const run = inflated.push(0) - 1;
      for (let at = 0; at < BYTES.length; at += 30) {
        inflated[run] = at + 30;
        yield BYTES.subarray(at, at + 30);
      }
    },
  });
  return { source, inflated };
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<number[]> {
  const all: number[] = [];
  for await (const chunk of bytes) all.push(...chunk);
  return all;
}

describe("lazyTar", () => {
  it("inflates for the first sequential read only as far as it goes", async () => {
    const { source, inflated } = lazy();
    expect(await collect(source.stream({ start: 25, end: 35 }))).toEqual([...BYTES.subarray(25, 35)]);
    expect(inflated).toEqual([60]);
  });

  it("never inflates more than twice, however often it is read", async () => {
    const { source, inflated } = lazy();
    for (let i = 0; i < 5; i++) {
      expect(await collect(source.stream({ start: i * 7, end: i * 7 + 40 }))).toEqual([
        ...BYTES.subarray(i * 7, i * 7 + 40),
      ]);
      expect(await readAll(source, { start: 90, end: 95 })).toEqual(BYTES.subarray(90, 95));
    }
    expect(inflated).toHaveLength(2);
  });

  it("inflates once for any number of random reads at once", async () => {
    const { source, inflated } = lazy();
    const reads = await Promise.all([5, 50, 95].map((start) => readAll(source, { start, end: start + 3 })));
    expect(reads.map((bytes) => bytes[0])).toEqual([5, 50, 95]);
    expect(inflated).toHaveLength(1);
  });
});
