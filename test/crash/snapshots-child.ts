/**
 * A process that works on snapshots, to be killed by itself before its n-th call of the file system. What it was asked
 * comes as JSON in its first argument; each line it prints is JSON too.
 */
import { StrataError } from "../../src/base/index.ts";
import { dieBeforeCall, dieBeforeSyncCall } from "./die-before-call.ts";
import { openSnapshots, runSnapshotStep, type SnapshotTask } from "./snapshot-steps.ts";

const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** Copying a tree consists of these. */
const SYNC_CALLS = ["mkdirSync", "symlinkSync", "linkSync", "copyFileSync", "chmodSync", "lchownSync"] as const;

const { root, steps, dieBefore, dieBeforeSync } = JSON.parse(process.argv[2] ?? "{}") as SnapshotTask;
const snapshots = await openSnapshots(root);
const calls = await dieBeforeCall(dieBefore);
const syncCalls = dieBeforeSyncCall(dieBeforeSync, SYNC_CALLS);
for (const [i, step] of steps.entries()) {
  try {
    await runSnapshotStep(snapshots, root, step);
    say({ seed: i });
  } catch (error) {
    if (!(error instanceof StrataError)) throw error;
    say({ seed: i, error: { code: error.code, message: error.message } });
  }
}
say({ calls: calls(), bytes: syncCalls() });
