import { mkdtempSync, rmSync } from "node:fs";
import { cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { mapConcurrent, readAll } from "../../src/base/index.ts";
import { createLocalScratch } from "../../src/content/index.ts";
import { DEFAULT_LIMITS, loadLayers } from "../../src/image/index.ts";
import { openStore, type Store } from "../../src/store/index.ts";
import { requireOrSkip } from "../support/skip.ts";
import { putImage } from "../support/store-fixtures.ts";
import { FIXTURE_CHOICE, unpackStored } from "../support/unpack-fixture.ts";
import { buildChild, type ChildProgram } from "./run-child.ts";
import { artifactNumber, type StoreStep, type StoreTask } from "./store-steps.ts";

/** Moments of death that are tried for each verb, spread over all its calls of the file system. */
const DEATHS = 7;

let base: string;
let template: string;
let child: ChildProgram<StoreTask>;
beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "store-snapshots-crash-"));
  child = await buildChild("store-child.ts");
  template = join(base, "template");
  await using store = await openStore(template);
  for (const [i, name] of ["a:1", "b:1"].entries()) {
    await putImage(store, name, await artifactNumber(i));
    await unpackStored(store, name);
  }
});
afterAll(() => {
  child[Symbol.dispose]();
  rmSync(base, { recursive: true, force: true });
});

async function faultsOf(store: Store): Promise<string[]> {
  const faults: string[] = [];
  for await (const { code, severity, what } of store.check()) if (severity !== "info") faults.push(`${code}: ${what}`);
  return faults;
}

/** All texts of an image's files, which proves that it can be read whole. */
async function textsOf(store: Store, name: string): Promise<string[]> {
  await using source = await store.openImage(name, FIXTURE_CHOICE);
  await using scratch = createLocalScratch();
  await using loaded = await loadLayers(source, {
    limits: DEFAULT_LIMITS,
    verify: true,
    spool: "lazy",
    scratch,
    workers: 1,
  });
  const texts: string[] = [];
  for (const layer of loaded.layers) {
    await using file = await layer.open(0);
    texts.push(Buffer.from(await readAll(file)).toString());
  }
  return texts;
}

async function snapshotsIn(store: Store): Promise<Set<string>> {
  const names = new Set<string>();
  for await (const { name } of (await store.snapshotter({ driver: "erofs" })).walk()) names.add(name);
  return names;
}

/** Runs the step on copies of the template, which it leaves by dying at moments spread over its whole length. */
async function dieIn(step: StoreStep, judge: (store: Store) => Promise<void>): Promise<void> {
  const copy = async (name: string): Promise<string> => {
    const root = join(mkdtempSync(join(base, "root-")), name);
    await cp(template, root, { recursive: true });
    return root;
  };
  const whole = await child.run({ root: await copy("whole"), steps: [step] });
  expect(whole).toMatchObject({ code: 0, stderr: "" });
  const last = whole.lines.at(-1);
  const moments = (calls: number, count: number): number[] =>
    Array.from({ length: count }, (_, i) => Math.ceil((calls * (i + 1)) / count));
  const deaths = [
    ...moments(last?.calls ?? 0, DEATHS).map((dieBefore) => ({ dieBefore })),
    ...moments(last?.bytes ?? 0, 2).map((dieBeforeSync) => ({ dieBeforeSync })),
  ];
  await mapConcurrent(deaths, 2, async (death) => {
    const root = await copy("dead");
    const { stderr } = await child.run({ root, steps: [step], ...death });
    expect(stderr).toBe("");
    await using store = await openStore(root);
    expect(await faultsOf(store)).toEqual([]);
    expect(await textsOf(store, "b:1")).toEqual(["base", "layer of 1"]);
    await judge(store);
    await store.prune();
    expect(await faultsOf(store)).toEqual([]);
    expect(await textsOf(store, "b:1")).toEqual(["base", "layer of 1"]);
  });
}

// Windows has no kill -9 that a process can send itself.
requireOrSkip(
  "a store with snapshots",
  process.platform !== "win32",
  "no signals on Windows",
)(() => {
  it("has no fault when removing an image is killed, and a prune finishes it", async () => {
    const kept = await (async () => {
      await using store = await openStore(template);
      return (await unpackStored(store, "b:1")).chainIds;
    })();
    await dieIn({ kind: "remove", name: "a:1" }, async (store) => {
      // The tables are asked: the copy of the names may be one change ahead.
      const isGone = (await store.images()).every(({ names }) => !names.includes("docker.io/library/a:1"));
      await store.prune();
      if (isGone) expect(await snapshotsIn(store)).toEqual(new Set(kept));
      else expect(await textsOf(store, "a:1")).toEqual(["base", "layer of 0"]);
    });
  });

  it("has no fault when pruning is killed", async () => {
    {
      await using store = await openStore(template);
      await store.tag("a:1", "c:1");
    }
    await dieIn({ kind: "prune" }, async (store) => {
      expect(await textsOf(store, "c:1")).toEqual(["base", "layer of 0"]);
      expect((await snapshotsIn(store)).size).toBe(3);
    });
  });

  it("has no fault when discarding compressed layers is killed, and doing it again finishes it", async () => {
    await dieIn({ kind: "discard", name: "a:1" }, async (store) => {
      expect(await store.find("a:1")).toMatchObject({ isComplete: true });
      expect(await textsOf(store, "a:1")).toEqual(["base", "layer of 0"]);
      await store.discardCompressed("a:1");
      expect(await textsOf(store, "a:1")).toEqual(["base", "layer of 0"]);
      expect((await store.discardCompressed("a:1")).blobs.count).toBe(0);
    });
  });
});
