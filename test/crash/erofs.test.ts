import { cpSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fromText, toText } from "../../src/base/index.ts";
import { createLocalContentStore } from "../../src/content/index.ts";
import { readMounts, unmount } from "../../src/linux/index.ts";
import { mountAll, type Snapshotter, snapshotKey, snapshotName, unmountAll } from "../../src/snapshot/index.ts";
import { dir, file, layerStack, tarScript, whiteout } from "../../src/testing/index.ts";
import { commitLayers } from "../support/erofs-place.ts";
import { describeWith } from "../support/oracles.ts";
import { type ErofsStep, type ErofsTask, openErofsSnapshots, runErofsStep } from "./erofs-steps.ts";
import { buildChild, type ChildProgram } from "./run-child.ts";

const LAYERS = [
  tarScript(dir("d"), file("d/f", "1"), file("g", "2")),
  tarScript(whiteout("g"), file("d/h", "3"), file("d/f", "changed")),
];
/** Every n-th moment at most, so that each step is killed about so often. */
const DEATHS = 4;

describeWith(["root", "mount"], "mounts of EROFS", () => {
  let base: string;
  let template: string;
  let image: string;
  let child: ChildProgram<ErofsTask>;
  beforeAll(async () => {
    // In memory, from where the kernel mounts through loop devices: there is more that could be left behind.
    base = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "erofs-crash-"));
    child = await buildChild("erofs-child.ts");
    template = join(base, "template");
    await using content = await createLocalContentStore({ directory: join(template, "content") });
    await using snapshots = await openErofsSnapshots(template);
    const stack = await layerStack(content, LAYERS);
    await commitLayers(snapshots, stack);
    image = stack.chainIds[1] as string;
  });
  afterAll(() => {
    child[Symbol.dispose]();
    for (const place of mountsBelow(base).reverse()) unmount(fromText(place), { isLazy: true });
    rmSync(base, { recursive: true, force: true });
  });

  const newRoot = (): string => {
    const root = mkdtempSync(join(base, "root-"));
    cpSync(template, root, { recursive: true });
    return root;
  };
  const stepsBefore = (step: ErofsStep): ErofsStep[] => {
    if (step.kind === "commit") return [{ kind: "prepare", key: step.key, parent: image }];
    if (step.kind === "remove" && step.name === "v") return [{ kind: "view", key: "v", parent: image }];
    return step.kind === "remove" ? [{ kind: "warm", name: image }] : [];
  };

  async function expectWhole(snapshots: Snapshotter, root: string): Promise<void> {
    if (!(await isThere(snapshots, image))) return;
    const target = mkdtempSync(join(root, "target-"));
    const key = snapshotKey("look");
    await mountAll(await snapshots.view(key, snapshotName(image)), target);
    expect(readdirSync(target)).toEqual(["d"]);
    expect(readFileSync(join(target, "d/f"), "utf8")).toBe("changed");
    await unmountAll(target);
    await snapshots.remove(key);
  }

  async function expectNothingLeft(snapshots: Snapshotter, root: string): Promise<void> {
    for (const name of ["v", "a", "committed"])
      if (await isThere(snapshots, name)) await snapshots.remove(snapshotName(name));
    expect(mountsBelow(root)).toEqual([]);
    expect(loopsBelow(root)).toEqual([]);
    const mounts = join(root, "snapshots/erofs/mounts");
    expect(existsSync(mounts) ? readdirSync(mounts) : []).toEqual([]);
    const living: string[] = [];
    for await (const { name } of snapshots.walk()) living.push(name);
    const data = join(root, "snapshots/erofs/data");
    expect(readdirSync(data)).toHaveLength(living.length);
    for (const id of readdirSync(data)) {
      const extra = readdirSync(join(data, id)).filter((name) => /partial|^fs$|^work$/.test(name));
      expect(extra).toEqual([]);
    }
  }

  it.each<Record<"what", string> & { step: () => ErofsStep }>([
    { what: "warming", step: () => ({ kind: "warm", name: image }) },
    { what: "a view", step: () => ({ kind: "view", key: "v", parent: image }) },
    { what: "preparing", step: () => ({ kind: "prepare", key: "a", parent: image }) },
    { what: "a commit", step: () => ({ kind: "commit", name: "committed", key: "a" }) },
    { what: "removing a view", step: () => ({ kind: "remove", name: "v" }) },
    { what: "removing an image", step: () => ({ kind: "remove", name: image }) },
  ])(
    "are not left behind when $what is killed at any moment",
    async ({ step: stepOf }) => {
      const step = stepOf();
      const before = stepsBefore(step);
      const counting = newRoot();
      await child.run({ root: counting, steps: before });
      const counted = (await child.run({ root: counting, steps: [step] })).lines.at(-1);
      await tidy(counting);
      const deaths = [
        ...spread(counted?.calls ?? 0).map((dieBefore) => ({ dieBefore })),
        ...spread(counted?.bytes ?? 0).map((dieBeforeSync) => ({ dieBeforeSync })),
      ];
      expect(deaths.length).toBeGreaterThan(3);
      for (const death of deaths) {
        const root = newRoot();
        await using snapshots = await openErofsSnapshots(root);
        for (const one of before) await runErofsStep(snapshots, one);
        const { signal, stderr } = await child.run({ root, steps: [step], ...death });
        expect([stderr, signal]).toEqual(["", "SIGKILL"]);
        await snapshots.cleanup();
        await expectWhole(snapshots, root);
        await snapshots.cleanup();
        await expectNothingLeft(snapshots, root);
      }
    },
    120_000,
  );

  async function tidy(root: string): Promise<void> {
    await using snapshots = await openErofsSnapshots(root);
    await expectNothingLeft(snapshots, root);
  }

  it("are shared by processes that come at once, survive them, and are used by those who come later", async () => {
    const root = newRoot();
    const keys = ["p", "q", "r", "s"];
    const views = keys.map((key): ErofsTask => ({ root, steps: [{ kind: "view", key, parent: image }] }));
    const ends = await Promise.all(views.map((task) => child.run(task)));
    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual(keys.map(() => [0, ""]));
    const [shared, ...others] = mountsBelow(root);
    expect(others).toEqual([]);
    const device = lstatSync(shared as string).dev;
    await using snapshots = await openErofsSnapshots(root);
    for (const key of keys) {
      expect(await snapshots.mounts(snapshotKey(key))).toMatchObject([{ type: "bind", source: shared }]);
    }
    expect([mountsBelow(root), lstatSync(shared as string).dev]).toEqual([[shared], device]);
    await Promise.all(keys.map((name) => child.run({ root, steps: [{ kind: "remove", name }] })));
    await expectNothingLeft(snapshots, root);
  });

  it("are not believed in when a record speaks of one that the kernel does not have", async () => {
    const root = newRoot();
    await using snapshots = await openErofsSnapshots(root);
    const [mount] = await snapshots.view(snapshotKey("v"), snapshotName(image));
    unmount(fromText(mount?.source ?? ""), { isLazy: true });
    const [lower] = readdirSync(join(root, "snapshots/erofs/data"), { recursive: true })
      .map(String)
      .filter((name) => name.endsWith("mounted.json"));
    expect(lower).toBeDefined();
    writeFileSync(join(root, "snapshots/erofs/data", lower ?? ""), "{ half");
    await snapshots.mounts(snapshotKey("v"));
    expect(mountsBelow(root)).toEqual([mount?.source]);
    await snapshots.remove(snapshotKey("v"));
    await expectNothingLeft(snapshots, root);
  });
});

async function isThere(snapshots: Snapshotter, name: string): Promise<boolean> {
  return await snapshots.stat(snapshotName(name)).then(
    () => true,
    () => false,
  );
}

function spread(calls: number): number[] {
  const every = Math.max(1, Math.ceil(calls / DEATHS));
  return Array.from({ length: Math.ceil(calls / every) }, (_, i) => 1 + i * every);
}

function mountsBelow(directory: string): string[] {
  return readMounts()
    .map(({ mountPoint }) => toText(mountPoint))
    .filter((place) => place.startsWith(`${directory}/`));
}

/** The files below a directory that are loop devices now. */
function loopsBelow(directory: string): string[] {
  return readdirSync("/sys/block")
    .filter((name) => name.startsWith("loop"))
    .map((name) => join("/sys/block", name, "loop/backing_file"))
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, "utf8").trim())
    .filter((file) => file.startsWith(`${directory}/`));
}
