import { appendFile, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLocalIndexCache } from "./drivers/local/local-index-cache.ts";
import { createMemoryIndexCache } from "./drivers/memory/memory-index-cache.ts";
import type { IndexCache } from "./index-cache.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cache-test-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const drivers: [string, (maxBytes?: number) => IndexCache][] = [
  ["local", (maxBytes) => createLocalIndexCache({ directory: join(directory, "new", "cache"), maxBytes })],
  ["memory", (maxBytes) => createMemoryIndexCache(maxBytes === undefined ? {} : { maxBytes })],
];

describe.each(drivers)("the %s cache", (_, createCache) => {
  test("remembers bytes by key, whatever characters the key has", async () => {
    const cache = createCache();
    await cache.set("a/../b", Buffer.from("one"));
    await cache.set("a/../c\0", new Uint8Array(0));
    expect(Buffer.from((await cache.get("a/../b")) ?? []).toString()).toBe("one");
    expect(await cache.get("a/../c\0")).toHaveLength(0);
    expect(await cache.get("b")).toBeUndefined();
  });

  test("keeps the latest value of a key, and copies on both sides", async () => {
    const cache = createCache();
    const bytes = Buffer.from("new");
    await cache.set("k", Buffer.from("old"));
    await cache.set("k", bytes);
    bytes.fill(0);
    const got = (await cache.get("k")) ?? new Uint8Array(0);
    expect(Buffer.from(got).toString()).toBe("new");
    got.fill(0);
    expect(Buffer.from((await cache.get("k")) ?? []).toString()).toBe("new");
  });

  test("forgets what does not fit, and never holds more than its bound", async () => {
    const cache = createCache(1000);
    await cache.set("large", Buffer.alloc(2000));
    expect(await cache.get("large")).toBeUndefined();
    for (let i = 0; i < 10; i++) await cache.set(`k${i}`, Buffer.alloc(300));
    const kept = await Promise.all(Array.from({ length: 10 }, (_unused, i) => cache.get(`k${i}`)));
    const count = kept.filter((bytes) => bytes !== undefined).length;
    expect(count).toBeGreaterThan(0);
    expect(count * 300).toBeLessThanOrEqual(1000);
  });

  test("is used by many at once", async () => {
    const caches = [createCache(), createCache()];
    await Promise.all(
      Array.from({ length: 20 }, async (_unused, i) => {
        const cache = caches[i % 2];
        await cache?.set("k", Buffer.alloc(1000, i));
        const bytes = await cache?.get("k");
        if (bytes !== undefined) expect(new Set(bytes).size).toBe(1);
      }),
    );
    expect(await caches[0]?.get("k")).toHaveLength(1000);
  });
});

describe("the local cache on disk", () => {
  const onlyFile = async (): Promise<string> => join(directory, (await readdir(directory))[0] ?? "");

  test("evicts what was used least recently", async () => {
    const cache = createLocalIndexCache({ directory, maxBytes: 1000 });
    const age = async (seconds: number): Promise<void> => {
      for (const name of await readdir(directory)) await utimes(join(directory, name), seconds, seconds);
    };
    await cache.set("old", Buffer.alloc(300));
    await age(1000);
    await cache.set("new", Buffer.alloc(300));
    await age(2000);
    await cache.get("old");
    await cache.set("newest", Buffer.alloc(500));
    expect(await cache.get("old")).toHaveLength(300);
    expect(await cache.get("new")).toBeUndefined();
  });

  test("takes no damaged file for the truth, wherever the damage is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 51 }), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const cache = createLocalIndexCache({ directory });
        await cache.set("k", Buffer.from("twenty bytes of index"));
        const file = await onlyFile();
        const bytes = await readFile(file);
        bytes[at] = (bytes[at] ?? 0) ^ flip;
        await writeFile(file, bytes);
        expect(await cache.get("k")).toBeUndefined();
        expect(await readdir(directory)).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  test("takes no truncated or extended file for the truth", async () => {
    const cache = createLocalIndexCache({ directory });
    for (const damage of [truncate, (file: string) => truncate(file, 40), (file: string) => appendFile(file, "x")]) {
      await cache.set("k", Buffer.from("some bytes of an index"));
      await damage(await onlyFile());
      expect(await cache.get("k")).toBeUndefined();
    }
  });

  test("takes no file of another key for the truth", async () => {
    const cache = createLocalIndexCache({ directory });
    await cache.set("a", Buffer.from("of a"));
    const ofA = await readFile(await onlyFile());
    await rm(await onlyFile());
    await cache.set("b", Buffer.from("of b"));
    await writeFile(await onlyFile(), ofA);
    expect(await cache.get("b")).toBeUndefined();
  });

  test("never fails where it cannot write, and leaves nothing aside", async () => {
    await writeFile(join(directory, "file"), "");
    const cache = createLocalIndexCache({ directory: join(directory, "file", "cache") });
    await cache.set("k", Buffer.from("x"));
    expect(await cache.get("k")).toBeUndefined();
    expect(await readdir(directory)).toEqual(["file"]);
  });

  test("can be deleted at any time", async () => {
    const cache = createLocalIndexCache({ directory });
    await cache.set("k", Buffer.from("x"));
    await rm(directory, { recursive: true });
    expect(await cache.get("k")).toBeUndefined();
    await cache.set("k", Buffer.from("y"));
    expect(Buffer.from((await cache.get("k")) ?? []).toString()).toBe("y");
  });

  test("sweeps what a writer that died left aside, not what one is writing now", async () => {
    await writeFile(join(directory, "dead.partial"), "x");
    await utimes(join(directory, "dead.partial"), 1, 1);
    await writeFile(join(directory, "alive.partial"), "x");
    await createLocalIndexCache({ directory }).set("k", Buffer.from("x"));
    expect((await readdir(directory)).filter((name) => name.endsWith(".partial"))).toEqual(["alive.partial"]);
  });
});
