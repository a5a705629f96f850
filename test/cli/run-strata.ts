import { join } from "node:path";
import { runCli } from "../../src/cli/run-cli.ts";
import { Terminal } from "../../src/cli/terminal.ts";
import { CLI_HOME } from "./cli-home.ts";

/** The sample image, as it is written from the project's root. */
export const SAMPLE = "examples/layers/image.tar";

export interface RunOptions {
  readonly stdin?: AsyncIterable<Uint8Array>;
  readonly env?: Readonly<Record<string, string>>;
  /** Makes stdout a terminal of this width. */
  readonly columns?: number;
  readonly signal?: AbortSignal;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly bytes: Buffer;
  readonly stderr: string;
}

/** Runs a command line inside this process, on streams that keep what is written. */
export async function runStrata(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { stdin = nothing(), env = {}, columns, signal = new AbortController().signal } = options;
  const stdout = sink(columns);
  const stderr = sink();
  const terminal = new Terminal({
    stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
    env: { XDG_CACHE_HOME: CLI_HOME, STRATA_ROOT: join(CLI_HOME, "store"), HOME: CLI_HOME, ...env },
    signal,
  });
  const code = await runCli(args, terminal, "0.0.0-test");
  const bytes = Buffer.concat(stdout.chunks);
  return { code, bytes, stdout: bytes.toString("utf8"), stderr: Buffer.concat(stderr.chunks).toString("utf8") };
}

/** A command line and what came of it, as a person would see it: for files that are read in a diff. */
export async function transcript(lines: readonly string[], env: RunOptions["env"] = {}): Promise<string> {
  let text = "";
  for (const line of lines) {
    const { code, stdout, stderr } = await runStrata(wordsOf(line), { env });
    const errors = stderr.replace(/^(?=.)/gm, "! ");
    text += `$ strata ${line}\n${stdout}${errors}${code === 0 ? "" : `[exit code ${code}]\n`}\n`;
  }
  return text.replaceAll(SAMPLE, "IMAGE");
}

/** Words of a line as a shell splits them; IMAGE is the sample. */
function wordsOf(line: string): string[] {
  const words = line.match(/'[^']*'|[^ ]+/g) ?? [];
  return words.map((word) => word.replace(/^'|'$/g, "").replace(/^IMAGE/, SAMPLE));
}

function sink(columns?: number): { chunks: Uint8Array[]; stream: ConstructorParameters<typeof Terminal>[0]["stdout"] } {
  const chunks: Uint8Array[] = [];
  const write = (chunk: Uint8Array, done: () => void): boolean => {
    chunks.push(chunk);
    queueMicrotask(done);
    return true;
  };
  const terminal = columns === undefined ? {} : { isTTY: true, columns };
  return { chunks, stream: { write, on: () => undefined, ...terminal } };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
