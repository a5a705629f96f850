import { describe, expect, it } from "vitest";
import { blocksOfRuns, DataRunFinder } from "./index.ts";

const run = (offset: number, length: number) => ({ offset, length });

describe("blocksOfRuns", () => {
  it("widens runs to whole blocks, joins them and stays within the file", () => {
    expect(blocksOfRuns([run(100, 1), run(4000, 200), run(20_480, 0), run(40_000, 100_000)], 50_000)).toEqual([
      run(0, 8192),
      run(36_864, 50_000 - 36_864),
    ]);
  });

  it("is undefined for a file that has data in every block", () => {
    expect(blocksOfRuns([run(0, 10), run(4096, 10)], 5000)).toBeUndefined();
    expect(blocksOfRuns([], 0)).toBeUndefined();
  });

  it("is empty for a file of one hole", () => {
    expect(blocksOfRuns([], 1)).toEqual([]);
  });
});

describe("DataRunFinder", () => {
  it("takes blocks of zeros for holes, also a short one at the end", () => {
    const bytes = Buffer.alloc(3 * 4096 + 10);
    bytes[4096] = 1;
    const finder = new DataRunFinder();
    finder.add(bytes.subarray(0, 8192), 0);
    finder.add(bytes.subarray(8192), 8192);
    expect(finder.finish(bytes.length)).toEqual([run(4096, 4096)]);
  });

  it("joins what comes in pieces, and is undefined for a file without holes", () => {
    const finder = new DataRunFinder();
    finder.add(Buffer.alloc(4096, 1), 0);
    finder.add(Buffer.alloc(5, 1), 4096);
    expect(finder.finish(4101)).toBeUndefined();
  });
});
