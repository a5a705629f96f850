import { mkdtempSync, rmSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { mapConcurrent } from "../../src/base/index.ts";
import { type Fault, openStore, type Store } from "../../src/store/index.ts";
import { requireOrSkip } from "../support/skip.ts";
import { putImage } from "../support/store-fixtures.ts";
import { buildChild, type ChildProgram } from "./run-child.ts";
import { afterStep, arbitraryStep, artifactNumber, type Named, type StoreStep, type StoreTask } from "./store-steps.ts";

let base: string;
let child: ChildProgram<StoreTask>;
beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "store-crash-"));
  child = await buildChild("store-child.ts");
});
afterAll(() => {
  child[Symbol.dispose]();
  rmSync(base, { recursive: true, force: true });
});

const newRoot = (): string => join(mkdtempSync(join(base, "root-")), "store");

async function faultsOf(store: Store): Promise<Fault[]> {
  const faults: Fault[] = [];
  for await (const fault of store.check()) faults.push(fault);
  return faults;
}

async function repairAll(store: Store): Promise<void> {
  for await (const _ of store.repair()) {
    // Each is done when it is told.
  }
}

async function namesIn(store: Store): Promise<Map<string, string>> {
  const images = await store.images();
  return new Map(images.flatMap(({ names, descriptor }) => names.map((name) => [name, descriptor.digest] as const)));
}

async function spelled(names: Named): Promise<Map<string, string>> {
  const spell = async ([name, number]: [string, number]): Promise<[string, string]> => [
    `docker.io/library/${name}`,
    (await artifactNumber(number)).root.digest,
  ];
  return new Map(await Promise.all([...names].map(spell)));
}

const sorted = (names: ReadonlyMap<string, string>): unknown => [...names].sort(([a], [b]) => (a < b ? -1 : 1));
const stepsOf = (seed: number, count: number): StoreStep[] =>
  fc.sample(fc.array(arbitraryStep, { minLength: count, maxLength: count }), { seed, numRuns: 1 })[0] ?? [];

// Windows has no kill -9 that a process can send itself.
requireOrSkip(
  "a store",
  process.platform !== "win32",
  "no signals on Windows",
)(() => {
  it("has no fault after a kill at any moment, and every name that was promised", async () => {
    await mapConcurrent([1, 2], 2, async (worker) => {
      const root = newRoot();
      let names: Named = new Map();
      let killed = 0;
      for (let round = 0; killed < 13; round++) {
        const seed = worker * 1000 + round;
        const steps = stepsOf(seed, 5);
        const [n] = fc.sample(fc.integer({ min: 1, max: 300 }), { seed, numRuns: 1 });
        const death = round % 3 === 0 ? { dieBeforeSync: ((n ?? 1) % 24) + 1 } : { dieBefore: n };
        const { lines, signal, stderr } = await child.run({ root, steps, ...death });
        expect(stderr).toBe("");
        if (signal === "SIGKILL") killed++;
        const done = lines.filter((line) => line.seed !== undefined).length;
        for (const step of steps.slice(0, done)) names = afterStep(names, step);
        const next = steps[done];
        await using store = await openStore(root);
        expect((await faultsOf(store)).filter(({ severity }) => severity !== "info")).toEqual([]);
        const found = sorted(await namesIn(store));
        const possible = next === undefined ? [names] : [names, afterStep(names, next)];
        const spellings = await Promise.all(possible.map(async (one) => sorted(await spelled(one))));
        expect(spellings).toContainEqual(found);
        const which = spellings.findIndex((one) => JSON.stringify(one) === JSON.stringify(found));
        names = possible[which] ?? names;
        for (const image of await store.images()) expect(image.isComplete).toBe(true);
        await store.prune();
        expect(
          (await faultsOf(store))
            .map(({ code }) => code)
            .filter((code) => code !== "leftover-file" && code !== "names-copy-differs"),
        ).toEqual([]);
      }
    });
  });

  it("is repaired by the next run when a repair is killed, and loses nothing", async () => {
    const root = newRoot();
    const artifact = await artifactNumber(1);
    {
      await using store = await openStore(root);
      await putImage(store, "a:1", artifact);
      await putImage(store, "b:1", await artifactNumber(2));
    }
    for (const dieBefore of [8, 40, 70]) {
      const blobs = join(root, "blobs/sha256");
      const [name = ""] = (await readdir(blobs)).sort();
      await writeFile(join(blobs, name), "damaged");
      const { stderr } = await child.run({ root, steps: [{ kind: "repair" }], dieBefore });
      expect(stderr).toBe("");
      await using store = await openStore(root);
      await repairAll(store);
      const kept = await Promise.all(
        (await readdir(join(root, "quarantine"))).map((file) => readFile(join(root, "quarantine", file), "utf8")),
      );
      expect(kept).toEqual(["damaged"]);
      await rm(join(root, "quarantine"), { recursive: true });
      await putImage(store, "a:1", artifact);
      await putImage(store, "b:1", await artifactNumber(2));
      expect(await faultsOf(store)).toEqual([]);
    }
  });

  it("has its tables made anew although that is killed again and again", async () => {
    const root = newRoot();
    {
      await using store = await openStore(root);
      await putImage(store, "a:1", await artifactNumber(1));
      await store.tag("a:1", "b:1");
    }
    for (const death of [
      { dieBefore: 10 },
      { dieBefore: 45 },
      { dieBefore: 60 },
      { dieBeforeSync: 1 },
      { dieBeforeSync: 3 },
    ]) {
      await rm(join(root, "metadata"), { recursive: true, force: true });
      await child.run({ root, steps: [{ kind: "repair" }], ...death });
    }
    await using store = await openStore(root);
    await repairAll(store);
    expect([...(await namesIn(store)).keys()].sort()).toEqual(["docker.io/library/a:1", "docker.io/library/b:1"]);
    expect(await faultsOf(store)).toEqual([]);
  });

  it("never frees what a pull needs while other processes prune and remove", async () => {
    const root = newRoot();
    const puts = (count: number, name: string): StoreStep[] =>
      Array.from({ length: count }, (_, i) => [
        { kind: "put" as const, name, artifact: i % 3 },
        { kind: "remove" as const, name },
      ]).flat();
    const last: StoreStep = { kind: "put", name: "a:1", artifact: 4 };
    const prunes = Array.from({ length: 30 }, (): StoreStep => ({ kind: "prune" }));
    const runs = await Promise.all([
      child.run({ root, steps: [...puts(6, "a:1"), last] }),
      child.run({ root, steps: [...puts(6, "b:1"), { ...last, name: "b:1" }] }),
      child.run({ root, steps: prunes }),
    ]);
    for (const { code, stderr } of runs) expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    await using store = await openStore(root);
    await store.prune();
    expect(await faultsOf(store)).toEqual([]);
    expect((await store.images()).map(({ names, isComplete }) => [names, isComplete])).toEqual([
      [["docker.io/library/a:1", "docker.io/library/b:1"], true],
    ]);
  });
});
