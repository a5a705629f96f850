import {
  cpSync,
  type Dirent,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { mapConcurrent, StrataError } from "../../src/base/index.ts";
import { readSnapshotContent, type Snapshotter, snapshotKey } from "../../src/snapshot/index.ts";
import { requireOrSkip } from "../support/skip.ts";
import { buildChild, type ChildProgram } from "./run-child.ts";
import { openSnapshots, runSnapshotStep, type SnapshotStep, type SnapshotTask } from "./snapshot-steps.ts";

let base: string;
let template: string;
let child: ChildProgram<SnapshotTask>;
beforeAll(async () => {
  // Crashes of processes, not of the machine: there is nothing to be seen on a disk that memory would not show.
  base = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "snapshots-crash-"));
  child = await buildChild("snapshots-child.ts");
  template = join(base, "template");
  await using snapshots = await openSnapshots(template);
  for (const step of SETTING) await runSnapshotStep(snapshots, template, step);
  const [mount] = await snapshots.mounts(snapshotKey("act"));
  writeFileSync(join(mount?.source ?? "", "written"), "by a container");
});
afterAll(() => {
  child[Symbol.dispose]();
  rmSync(base, { recursive: true, force: true });
});

const SETTING: readonly SnapshotStep[] = [
  { kind: "unpack", name: "base" },
  { kind: "unpack", name: "top", parent: "base" },
  { kind: "prepare", key: "act", parent: "top" },
  { kind: "view", key: "v", parent: "base" },
];

/** What everybody can see: every snapshot with its record and its files. */
async function visible(snapshots: Snapshotter, root: string): Promise<unknown> {
  const places = new Map<string, string>();
  for (const { name, id } of (await readSnapshotContent(join(root, "snapshots"))).snapshots) places.set(name, id);
  const all: Record<string, unknown> = {};
  for await (const { name, kind, parent, labels } of snapshots.walk()) {
    all[name] = {
      kind,
      parent,
      labels,
      files: filesBelow(join(root, "snapshots/vfs/data", places.get(name) ?? "", "fs")),
    };
  }
  return all;
}

function filesBelow(directory: string): readonly string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries
    .map((entry) => join(entry.parentPath, entry.name) + (entry.isFile() ? textOf(entry) : ""))
    .map((text) => text.slice(directory.length))
    .sort();
}

function textOf({ parentPath, name }: Dirent): string {
  return `: ${readFileSync(join(parentPath, name), "utf8")}`;
}

/** Every directory and every lock belongs to a snapshot, every snapshot has its directory, and nothing else lies about. */
async function expectTidy(root: string): Promise<void> {
  const { snapshots, damaged } = await readSnapshotContent(join(root, "snapshots"));
  expect(damaged).toEqual([]);
  const ids = snapshots.map(({ id }) => id).sort();
  const below = (name: string): string[] => readdirSync(join(root, "snapshots/vfs", name)).sort();
  expect(below("data")).toEqual(ids);
  expect(ids).toEqual(expect.arrayContaining(below("locks")));
  expect(below("records").filter((name) => !name.endsWith(".json"))).toEqual([]);
  const names = new Set<string>(snapshots.map(({ name }) => name));
  for (const { parent } of snapshots) expect(parent === undefined || names.has(parent)).toBe(true);
}

function newRoot(): string {
  const root = mkdtempSync(join(base, "root-"));
  cpSync(template, root, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  return root;
}

/** What is visible before and after the step, when nobody dies. */
async function outcomes(step: SnapshotStep): Promise<readonly unknown[]> {
  const root = newRoot();
  await using snapshots = await openSnapshots(root);
  const before = await visible(snapshots, root);
  await runSnapshotStep(snapshots, root, step);
  return [before, await visible(snapshots, root)];
}

const STEPS: readonly SnapshotStep[] = [
  { kind: "prepare", key: "new", parent: "top" },
  { kind: "commit", name: "done", key: "act" },
  { kind: "remove", name: "act" },
  { kind: "update", name: "top", value: "1" },
  { kind: "unpack", name: "again", parent: "base" },
];

/** Every n-th moment at most, so that each step is killed about so often. */
const DEATHS = 9;

function spread(calls: number): number[] {
  const every = Math.max(1, Math.ceil(calls / DEATHS));
  return Array.from({ length: Math.ceil(calls / every) }, (_, i) => 1 + i * every);
}

requireOrSkip(
  "snapshots",
  process.platform === "linux",
  "no signals that a process can send itself",
)(() => {
  it.each(STEPS)("are as before or as after when $kind is killed at any moment, and nothing is left", async (step) => {
    const [before, after] = await outcomes(step);
    const counted = (await child.run({ root: newRoot(), steps: [step] })).lines.at(-1);
    const deaths = [
      ...spread(counted?.calls ?? 0).map((dieBefore) => ({ dieBefore })),
      ...spread(counted?.bytes ?? 0).map((dieBeforeSync) => ({ dieBeforeSync })),
    ];
    expect(deaths.length).toBeGreaterThan(5);
    await mapConcurrent(deaths, 2, async (death) => {
      const root = newRoot();
      const { signal, stderr } = await child.run({ root, steps: [step], ...death });
      expect(stderr).toBe("");
      expect(signal).toBe("SIGKILL");
      await using snapshots = await openSnapshots(root);
      const found = await visible(snapshots, root);
      expect([before, after]).toContainEqual(found);
      await snapshots.cleanup();
      await expectTidy(root);
      expect(await visible(snapshots, root)).toEqual(found);
      expect(await snapshots.cleanup()).toEqual({ removed: [] });
      if (isDeepStrictEqual(found, after)) return;
      await runSnapshotStep(snapshots, root, step);
      expect(await visible(snapshots, root)).toEqual(after);
      await expectTidy(root);
    });
  });

  it("are tidied up by the next cleanup when a cleanup is killed", async () => {
    const root = newRoot();
    for (let n = 3; n < 40; n += 7) {
      await child.run({ root, steps: [{ kind: "prepare", key: "new", parent: "top" }], dieBefore: 24 });
      await child.run({ root, steps: [{ kind: "cleanup" }], dieBefore: n });
      await using snapshots = await openSnapshots(root);
      await snapshots.remove(snapshotKey("new")).catch(expectNotFound);
    }
    await using snapshots = await openSnapshots(root);
    await snapshots.cleanup();
    await expectTidy(root);
    expect(await visible(snapshots, root)).toEqual((await outcomes({ kind: "cleanup" }))[0]);
  });

  it("stay whole while several processes work on them, and some of them die", async () => {
    const root = newRoot();
    const tasks = Array.from({ length: 4 }, (_, seed) => ({
      root,
      steps: seed === 0 ? Array.from({ length: 25 }, () => ({ kind: "cleanup" as const })) : stepsOf(seed),
      ...(seed === 3 ? { dieBefore: 150 } : {}),
    }));
    const ends = await Promise.all(tasks.map((task) => child.run(task)));
    for (const { stderr, lines } of ends) {
      expect(stderr).toBe("");
      const codes = new Set(lines.flatMap(({ error }) => (error?.code === undefined ? [] : [error.code])));
      expect([...codes].filter((code) => !EXPECTED.has(code))).toEqual([]);
    }
    await using snapshots = await openSnapshots(root);
    await snapshots.cleanup();
    await expectTidy(root);
  });
});

/** What one process may find because of another. */
const EXPECTED = new Set([
  "snapshot-exists",
  "snapshot-not-found",
  "snapshot-not-committed",
  "snapshot-not-active",
  "snapshot-has-children",
]);

const KEYS = fc.constantFrom("a", "b", "act");
const NAMES = fc.constantFrom("A", "B", "base", "top");
const anyStep: fc.Arbitrary<SnapshotStep> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("prepare" as const), key: KEYS, parent: NAMES }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("commit" as const), key: KEYS, name: NAMES }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), name: fc.oneof(NAMES, KEYS) }) },
  fc.record({ kind: fc.constant("view" as const), key: KEYS, parent: NAMES }),
  fc.record({ kind: fc.constant("update" as const), name: NAMES, value: fc.string() }),
  fc.record({ kind: fc.constant("unpack" as const), name: NAMES }),
  fc.record({ kind: fc.constant("unpack" as const), name: NAMES, parent: fc.constant("base") }),
);

function stepsOf(seed: number): readonly SnapshotStep[] {
  return fc.sample(anyStep, { seed, numRuns: 60 });
}

function expectNotFound(error: unknown): void {
  expect(error).toBeInstanceOf(StrataError);
  expect((error as StrataError).code).toBe("snapshot-not-found");
}
