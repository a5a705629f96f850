import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { mapConcurrent } from "./concurrency.ts";

describe("mapConcurrent", () => {
  it("gives results in the order of the items, never running more than the limit at once", async () => {
    let running = 0;
    let most = 0;
    const results = await mapConcurrent([5, 1, 3, 2, 4], 2, async (item) => {
      most = Math.max(most, ++running);
      await sleep(item);
      running--;
      return item * 10;
    });
    expect(results).toEqual([50, 10, 30, 20, 40]);
    expect(most).toBe(2);
  });

  it("starts nothing after a failure, tells those under way, and waits for them", async () => {
    const started: number[] = [];
    const ended: number[] = [];
    const all = mapConcurrent([0, 1, 2, 3], 2, async (item, _index, signal) => {
      started.push(item);
      if (item === 0) throw new Error("first");
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => resolve());
      });
      ended.push(item);
    });
    await expect(all).rejects.toThrow("first");
    expect(started).toEqual([0, 1]);
    expect(ended).toEqual([1]);
  });

  it("maps nothing to nothing", async () => {
    expect(await mapConcurrent([], 4, async () => 1)).toEqual([]);
  });
});
