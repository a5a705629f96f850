/**
 * A process that works on snapshots, to be killed by itself before its n-th call of the file system. What it was asked
 * comes as JSON in its first argument; each line it prints is JSON too.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { StrataError } from "../../src/base/index.ts";
import { dieBeforeCall } from "./die-before-call.ts";
import { openSnapshots, runSnapshotStep, type SnapshotTask } from "./snapshot-steps.ts";

const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** Dies before each n-th synchronous call that changes something, too: copying a tree consists of them. */
function dieBeforeSyncCall(n: number | undefined): () => number {
  let calls = 0;
  for (const name of ["mkdirSync", "symlinkSync", "linkSync", "copyFileSync", "chmodSync", "lchownSync"] as const) {
    const method = fs[name] as (...values: unknown[]) => unknown;
    Object.assign(fs, {
      [name]: (...values: unknown[]) => {
        if (++calls === n) process.kill(process.pid, "SIGKILL");
        return method(...values);
      },
    });
  }
  syncBuiltinESMExports();
  return () => calls;
}

const { root, steps, dieBefore, dieBeforeSync } = JSON.parse(process.argv[2] ?? "{}") as SnapshotTask;
const snapshots = await openSnapshots(root);
const calls = await dieBeforeCall(dieBefore);
const syncCalls = dieBeforeSyncCall(dieBeforeSync);
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
