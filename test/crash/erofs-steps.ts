import { type Snapshotter, snapshotKey, snapshotName } from "../../src/snapshot/index.ts";
import { openSnapshots } from "./snapshot-steps.ts";

/** One thing that is done to snapshots. */
export type ErofsStep =
  | { readonly kind: "prepare" | "view"; readonly key: string; readonly parent: string }
  | { readonly kind: "commit"; readonly name: string; readonly key: string }
  | { readonly kind: "warm" | "remove"; readonly name: string };

/** What a process does to snapshots, and when it dies. */
export interface ErofsTask {
  readonly root: string;
  readonly steps: readonly ErofsStep[];
  readonly dieBefore?: number | undefined;
  readonly dieBeforeSync?: number | undefined;
}

/** The snapshots below a directory, beside the content that they are made of. */
export async function openErofsSnapshots(root: string): Promise<Snapshotter> {
  return await openSnapshots(root, "erofs");
}

/** Does it. @throws what the snapshotter throws */
export async function runErofsStep(snapshots: Snapshotter, step: ErofsStep): Promise<void> {
  switch (step.kind) {
    case "prepare":
    case "view":
      await snapshots[step.kind](snapshotKey(step.key), snapshotName(step.parent));
      return;
    case "commit":
      return await snapshots.commit(snapshotName(step.name), snapshotKey(step.key));
    case "warm":
      return await snapshots.warm(snapshotName(step.name));
    case "remove":
      return await snapshots.remove(snapshotName(step.name));
  }
}
