import { join } from "node:path";
import { createLocalContentStore, createMemoryIndexCache } from "../../src/content/index.ts";
import {
  type DriverName,
  openSnapshotter,
  type Snapshotter,
  snapshotKey,
  snapshotName,
} from "../../src/snapshot/index.ts";
import { dir, file, layerStack, tarScript, whiteout } from "../../src/testing/index.ts";

/** One thing that is done to snapshots. */
export type SnapshotStep =
  | { readonly kind: "prepare" | "view"; readonly key: string; readonly parent?: string }
  | { readonly kind: "commit"; readonly name: string; readonly key: string }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "update"; readonly name: string; readonly value: string }
  | { readonly kind: "unpack"; readonly name: string; readonly parent?: string }
  | { readonly kind: "cleanup" };

/** What a process does to snapshots, and when it dies. */
export interface SnapshotTask {
  readonly root: string;
  readonly steps: readonly SnapshotStep[];
  readonly dieBefore?: number | undefined;
  readonly dieBeforeSync?: number | undefined;
}

/** The snapshots below a directory, beside the content that they are made of; on the driver that copies unless given. */
export async function openSnapshots(root: string, driver: DriverName = "vfs"): Promise<Snapshotter> {
  return await openSnapshotter({
    root: join(root, "snapshots"),
    driver,
    content: await createLocalContentStore({ directory: join(root, "content") }),
    indexCache: createMemoryIndexCache(),
  });
}

/** Two layers; the second one changes what the first one made. */
const LAYERS = [
  tarScript(dir("d"), file("d/f", "1"), file("g", "2")),
  tarScript(whiteout("g"), file("d/h", "3"), file("d/f", "changed")),
];

/** Does it. @throws what the snapshotter throws */
export async function runSnapshotStep(snapshots: Snapshotter, root: string, step: SnapshotStep): Promise<void> {
  switch (step.kind) {
    case "prepare":
    case "view":
      await snapshots[step.kind](snapshotKey(step.key), parentOf(step));
      return;
    case "commit":
      await snapshots.commit(snapshotName(step.name), snapshotKey(step.key));
      return;
    case "remove":
      await snapshots.remove(snapshotName(step.name));
      return;
    case "update":
      await snapshots.update(snapshotName(step.name), { value: step.value });
      return;
    case "cleanup":
      await snapshots.cleanup();
      return;
    case "unpack":
      await unpackLayer(snapshots, root, step);
  }
}

/** The first layer without a parent, else the second. */
async function unpackLayer(
  snapshots: Snapshotter,
  root: string,
  step: Extract<SnapshotStep, { readonly kind: "unpack" }>,
): Promise<void> {
  const content = await createLocalContentStore({ directory: join(root, "content") });
  const stack = await layerStack(content, LAYERS);
  await using staged = await snapshots.stage(stack, step.parent === undefined ? 0 : 1);
  await staged.commit(snapshotName(step.name), parentOf(step));
}

function parentOf({ parent }: { readonly parent?: string }): ReturnType<typeof snapshotName> | undefined {
  return parent === undefined ? undefined : snapshotName(parent);
}
