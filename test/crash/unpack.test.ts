import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { chainIds, type DiffId, type Digest } from "../../src/oci/index.ts";
import { snapshotName } from "../../src/snapshot/index.ts";
import { type Fault, openStore, type Store } from "../../src/store/index.ts";
import { type FixtureLayer, FixtureLayout, layerOf } from "../support/image-fixtures.ts";
import { requireOrSkip } from "../support/skip.ts";
import { putImage } from "../support/store-fixtures.ts";
import { buildChild, type ChildEnd, type ChildProgram } from "./run-child.ts";
import type { UnpackTask } from "./unpack-child.ts";

const IMAGE = "it:1";

let base: string;
let child: ChildProgram<UnpackTask>;
let layers: FixtureLayer[];
/** So large that each is worth a thread. */
let large: FixtureLayer[];
beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "unpack-crash-"));
  child = await buildChild("unpack-child.ts", ["unpack/unpack-worker.ts"]);
  layers = [
    await layerOf({ "etc/motd": "hello\n", "bin/tool": "x".repeat(300_000) }),
    await layerOf({ "etc/.wh.motd": "", "srv/data": "y".repeat(30_000) }),
    await layerOf({ "srv/more": "z".repeat(3000) }, { compress: false }),
    await layerOf({}),
  ];
  large = await Promise.all([1, 2, 3].map((i) => layerOf({ [`file-${i}`]: randomBytes(8 * 1024 * 1024) })));
});
afterAll(() => {
  child[Symbol.dispose]();
  rmSync(base, { recursive: true, force: true });
});

/** A store that has the image, and nothing of it unpacked. */
async function newStore(of: readonly FixtureLayer[] = layers): Promise<string> {
  const root = join(mkdtempSync(join(base, "root-")), "store");
  const layout = new FixtureLayout();
  await using store = await openStore(root);
  await putImage(store, IMAGE, { layout, root: layout.image(of) });
  return root;
}

async function faultsOf(store: Store): Promise<Fault[]> {
  const faults: Fault[] = [];
  for await (const fault of store.check()) if (fault.severity !== "info") faults.push(fault);
  return faults;
}

async function unfinished(store: Store): Promise<string[]> {
  const refs: string[] = [];
  for await (const { ref } of store.content.ingests()) refs.push(ref);
  return refs;
}

const chainOf = (of: readonly FixtureLayer[]): string[] => chainIds(of.map(({ diffId }) => diffId));

/** All layers are there, each on the one below it, and nothing else is. */
async function assertUnpacked(root: string, of: readonly FixtureLayer[] = layers): Promise<void> {
  await using store = await openStore(root);
  expect(await faultsOf(store)).toEqual([]);
  expect(await unfinished(store)).toEqual([]);
  for (const { diffId } of of) expect(await store.content.stat(asDigest(diffId))).toBeDefined();
  await using snapshotter = await store.snapshotter({ driver: "erofs" });
  const chain = chainOf(of);
  for (const [i, id] of chain.entries()) {
    const below = chain[i - 1];
    expect(await snapshotter.stat(snapshotName(id))).toMatchObject({ kind: "committed", parent: below });
  }
  await snapshotter.cleanup();
  expect(await snapshotter.cleanup()).toEqual({ removed: [] });
}

const asDigest = (diffId: DiffId): Digest => diffId as string as Digest;

/** Fails with what the child said of its end. */
function assertDone({ lines, stderr }: ChildEnd, of: readonly FixtureLayer[] = layers): void {
  expect(stderr).toBe("");
  expect(lines).toMatchObject([{ chainId: chainOf(of).at(-1) }]);
}

// Windows has no kill -9 that a process can send itself.
requireOrSkip(
  "unpacking",
  process.platform === "linux",
  "snapshots are for Linux",
)(() => {
  it("goes on after a kill at any moment, and leaves nothing but whole tars and whole snapshots", async () => {
    const first = await child.run({ root: await newStore(), image: IMAGE });
    assertDone(first);
    const calls = first.lines[0]?.calls ?? 0;
    expect(calls).toBeGreaterThan(50);
    const deaths = fc.sample(fc.integer({ min: 1, max: calls }), { seed: 7, numRuns: 8 });
    for (const [i, dieBefore] of deaths.entries()) {
      const root = await newStore();
      const killed = await child.run({ root, image: IMAGE, dieBefore });
      expect([killed.signal, killed.stderr]).toEqual(["SIGKILL", ""]);
      await using store = await openStore(root);
      expect(await faultsOf(store)).toEqual([]);
      // Killed once more on the way, every other time.
      if (i % 2 === 1) await child.run({ root, image: IMAGE, dieBefore: Math.ceil(dieBefore / 2) });
      assertDone(await child.run({ root, image: IMAGE }));
      await assertUnpacked(root);
    }
  }, 120_000);

  it("is done once by several processes at once, of which each succeeds, also when one is killed", async () => {
    const root = await newStore();
    const [one, other, killed] = await Promise.all([
      child.run({ root, image: IMAGE }),
      child.run({ root, image: IMAGE }),
      child.run({ root, image: IMAGE, dieBefore: 60 }),
    ]);
    assertDone(one);
    assertDone(other);
    expect(["SIGKILL", null]).toContain(killed.signal);
    await assertUnpacked(root);
  }, 60_000);

  it("is done by threads too, and goes on after they were killed", async () => {
    const root = await newStore(large);
    const killed = await child.run({ root, image: IMAGE, diesUnpacking: true });
    expect([killed.signal, killed.stderr]).toEqual(["SIGKILL", ""]);
    await using store = await openStore(root);
    expect(await faultsOf(store)).toEqual([]);
    assertDone(await child.run({ root, image: IMAGE }), large);
    await assertUnpacked(root, large);
  }, 60_000);
});
