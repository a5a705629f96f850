import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mapConcurrent } from "../../src/base/index.ts";
import { type ContentStore, createLocalContentStore, ingestStream } from "../../src/content/index.ts";
import { digestStream } from "../../src/oci/index.ts";
import { requireOrSkip } from "../support/skip.ts";
import { blobOf, expectedOf, streamOf } from "./blob-of-seed.ts";
import { buildChild, type ChildProgram } from "./run-child.ts";

let root: string;
let child: ChildProgram;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "crash-test-"));
  child = await buildChild();
});
afterAll(() => {
  child[Symbol.dispose]();
  rmSync(root, { recursive: true, force: true });
});

/** A directory for one store, new every time. */
const newPlace = (): string => mkdtempSync(join(root, "store-"));

/** Every blob that is visible is what its name says. */
async function assertAllRight(store: ContentStore): Promise<number> {
  let count = 0;
  for await (const { digest, size } of store.list()) {
    await using source = await store.open(digest);
    expect(await digestStream(source.stream())).toEqual({ digest, size });
    count++;
  }
  return count;
}

/** After a crash: nothing wrong is visible, nobody holds a lock, and the next run brings every blob and tidies up. */
async function assertHeals(directory: string, seeds: readonly number[]): Promise<void> {
  const store = await createLocalContentStore({ directory });
  const visible = await assertAllRight(store);
  expect(visible).toBeLessThanOrEqual(seeds.length);
  for await (const { isActive, offset } of store.ingests()) {
    expect(isActive).toBe(false);
    expect(offset).toBeLessThanOrEqual(1_200_000);
  }
  for (const seed of seeds) {
    await ingestStream(store, { expected: expectedOf(seed), open: (offset) => streamOf(seed, offset) });
  }
  expect(await assertAllRight(store)).toBe(seeds.length);
  await store[Symbol.asyncDispose]();
  expect(readdirSync(directory)).toEqual(["blobs"]);
}

// Windows has no kill -9 that a process can send itself.
requireOrSkip(
  "a content store",
  process.platform !== "win32",
  "no signals on Windows",
)(() => {
  it("heals after a kill before each single call of the file system", async () => {
    const dieAt = async (dieBefore: number): Promise<boolean> => {
      const directory = newPlace();
      const end = await child.run({ directory, seeds: [1], dieBefore });
      expect(end.stderr).toBe("");
      await assertHeals(directory, [1]);
      rmSync(directory, { recursive: true });
      return end.signal === "SIGKILL";
    };
    let deaths = 0;
    for (let hasSurvived = false; !hasSurvived; ) {
      const first = deaths + 1;
      const died = await mapConcurrent([0, 1, 2, 3, 4, 5, 6, 7], 2, (i) => dieAt(first + i));
      deaths += died.filter(Boolean).length;
      hasSurvived = died.includes(false);
    }
    expect(deaths).toBeGreaterThanOrEqual(25);
  });

  it("heals after a kill in the middle of several transfers, again and again in one place", async () => {
    const seeds = [2, 3, 4, 5];
    const total = (await child.run({ directory: newPlace(), seeds })).lines.length;
    const directory = newPlace();
    const killAt = async (place: string, killAfterLines: number): Promise<void> => {
      const end = await child.run({ directory: place, seeds }, { killAfterLines });
      expect(end.signal ?? end.code).toBe(end.signal === null ? 0 : "SIGKILL");
      const store = await createLocalContentStore({ directory: place });
      await assertAllRight(store);
      await store[Symbol.asyncDispose]();
    };
    // In one place each run goes on where the one before was killed; in a new one, each at another point.
    for (let kill = 1; kill <= 6; kill++) await killAt(directory, 4 + kill);
    for (let kill = 1; kill <= 6; kill++) {
      const fresh = newPlace();
      await killAt(fresh, Math.ceil((kill * total) / 7));
      await assertHeals(fresh, seeds);
    }
    await assertHeals(directory, seeds);
  });

  it("lets two processes bring one blob at once: one transfers it, the other finds it", async () => {
    const directory = newPlace();
    const task = { directory, seeds: [6] };
    const ends = await Promise.all([child.run(task), child.run(task), child.run(task)]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
    const results = ends.map(({ lines }) => lines.at(-1)?.result ?? "").sort((a, b) => a.localeCompare(b));
    expect(results).toEqual(["present", "present", "transferred"]);
    await assertHeals(directory, [6]);
  });

  it("lets two processes bring one blob under two names at once", async () => {
    const directory = newPlace();
    const ends = await Promise.all(["one", "two"].map((ref) => child.run({ directory, seeds: [7], ref })));
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    await assertHeals(directory, [7]);
  });
});

describe("the blobs of the test", () => {
  it("are different and the same every time", () => {
    expect(expectedOf(1)).toEqual(expectedOf(1));
    expect(new Set([1, 2, 3, 4, 5, 6, 7].map((seed) => expectedOf(seed).digest)).size).toBe(7);
    expect(blobOf(1).length).toBeGreaterThan(500_000);
  });
});
