/** A process that begins, labels and removes a view, and tells after each what it has synced for it. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import type { SnapshotKey } from "../../src/snapshot/index.ts";

/** What a view goes through, in a directory. */
export interface SyncsTask {
  readonly root: string;
  readonly isTransient: boolean;
}

let synced: string[] = [];
const { fsync } = fs;
fs.fsync = Object.assign((fd: number, done: fs.NoParamCallback) => {
  synced.push(fs.fstatSync(fd).isDirectory() ? "directory" : "file");
  fsync(fd, done);
}, fsync);
syncBuiltinESMExports();
// Only now, because it remembers the functions of the file system.
const { openSnapshots } = await import("./snapshot-steps.ts");

const say = (): void => {
  process.stdout.write(`${JSON.stringify({ synced })}\n`);
  synced = [];
};

const { root, isTransient } = JSON.parse(process.argv[2] ?? "{}") as SyncsTask;
const snapshots = await openSnapshots(root);
synced = [];
const key = "v" as SnapshotKey;
await snapshots.view(key, undefined, { isTransient });
say();
await snapshots.update(key, { label: "x" });
say();
// As another process would that knows only what was written.
const others = await openSnapshots(root);
synced = [];
await others.remove(key);
say();
