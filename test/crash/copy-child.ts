/**
 * A process that copies an image, to be killed by itself before its n-th call of the file system. What it was asked comes
 * as JSON in its first argument; its last line says how many calls it made.
 */
import { copyArtifact, openArtifact, openDestination } from "../../src/transport/index.ts";
import { dieBeforeCall } from "./die-before-call.ts";

/** What a child is asked to do. */
export interface CopyTask {
  readonly from: string;
  readonly to: string;
  readonly compression?: "zstd";
  readonly dieBefore?: number;
}

const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

async function main({ from, to, compression, dieBefore }: CopyTask): Promise<void> {
  const calls = await dieBeforeCall(dieBefore);
  await using source = await openArtifact(from);
  await using destination = await openDestination(to);
  await copyArtifact(source, destination, { compression });
  say({ calls: calls() });
}

try {
  await main(JSON.parse(process.argv[2] ?? "{}") as CopyTask);
} catch (error) {
  const { code, kind, message, hint } = error as { code?: string; kind?: string; message?: string; hint?: string };
  say({ error: { code, kind, message, hint } });
  process.exitCode = 1;
}
