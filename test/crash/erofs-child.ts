/**
 * A process that works on snapshots of the driver erofs, to be killed by itself before its n-th call of the file system.
 * What it was asked comes as JSON in its first argument; each line it prints is JSON too.
 */
import { dieBeforeCall, dieBeforeSyncCall } from "./die-before-call.ts";
import { type ErofsTask, openErofsSnapshots, runErofsStep } from "./erofs-steps.ts";

/** Those that the driver makes between two mounts, or two changes of its notes about them. */
const SYNC_CALLS = ["mkdirSync", "rmdirSync", "writeFileSync", "openSync", "closeSync"] as const;

const { root, steps, dieBefore, dieBeforeSync } = JSON.parse(process.argv[2] ?? "{}") as ErofsTask;
const snapshots = await openErofsSnapshots(root);
const calls = await dieBeforeCall(dieBefore);
const syncCalls = dieBeforeSyncCall(dieBeforeSync, SYNC_CALLS);
for (const step of steps) await runErofsStep(snapshots, step);
process.stdout.write(`${JSON.stringify({ calls: calls(), bytes: syncCalls() })}\n`);
