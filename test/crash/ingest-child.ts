/**
 * A process that takes blobs into a store, to be killed: by itself before its n-th call of the file system, or from
 * outside. What it was asked comes as JSON in its first argument; each line it prints is JSON too.
 */
import { createLocalContentStore, ingestStream } from "../../src/content/index.ts";
import { type ChildTask, expectedOf, streamOf } from "./blob-of-seed.ts";
import { dieBeforeCall } from "./die-before-call.ts";

const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

async function main(task: ChildTask): Promise<void> {
  if (task.uid !== undefined) process.setuid?.(task.uid);
  if (task.dieBefore !== undefined) await dieBeforeCall(task.dieBefore);
  await using store = await createLocalContentStore({ directory: task.directory });
  await Promise.all(
    task.seeds.map(async (seed) => {
      const blob = { ref: task.ref, expected: expectedOf(seed), open: (offset: number) => streamOf(seed, offset) };
      const { result } = await ingestStream(store, blob, { onProgress: (bytes) => say({ seed, bytes }) });
      say({ seed, result });
    }),
  );
}

try {
  await main(JSON.parse(process.argv[2] ?? "{}") as ChildTask);
} catch (error) {
  const { code, kind, message, hint } = error as { code?: string; kind?: string; message?: string; hint?: string };
  say({ error: { code, kind, message, hint } });
  process.exitCode = 1;
}
