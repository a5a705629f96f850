/**
 * A process that works on a store, to be killed by itself before its n-th call of the file system. What it was asked
 * comes as JSON in its first argument; each line it prints is JSON too.
 */
import { openStore, type Store } from "../../src/store/index.ts";
import { putImage } from "../support/store-fixtures.ts";
import { unpackStored } from "../support/unpack-fixture.ts";
import { dieBeforeCall, dieBeforeSyncCall } from "./die-before-call.ts";
import { artifactNumber, type StoreStep, type StoreTask } from "./store-steps.ts";

const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** Those inside of a transaction. */
const SYNC_CALLS = ["writeFileSync", "renameSync", "fsyncSync"] as const;

async function run(store: Store, step: StoreStep): Promise<void> {
  switch (step.kind) {
    case "put":
      await putImage(store, step.name, await artifactNumber(step.artifact));
      return;
    case "tag":
      if (await store.has(step.from)) await store.tag(step.from, step.to);
      return;
    case "remove":
      if (await store.has(step.name)) await store.remove(step.name);
      return;
    case "prune":
      await store.prune();
      return;
    case "unpack":
      await unpackStored(store, step.name);
      return;
    case "discard":
      await store.discardCompressed(step.name);
      return;
    case "repair":
      for await (const _ of store.repair()) {
        // Each is done when it is told.
      }
  }
}

const { root, steps, dieBefore, dieBeforeSync } = JSON.parse(process.argv[2] ?? "{}") as StoreTask;
const calls = await dieBeforeCall(dieBefore);
const syncCalls = dieBeforeSyncCall(dieBeforeSync, SYNC_CALLS);
const store = await openStore(root);
for (const [i, step] of steps.entries()) {
  await run(store, step);
  say({ seed: i });
}
await store[Symbol.asyncDispose]();
say({ calls: calls(), bytes: syncCalls() });
