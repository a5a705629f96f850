import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { bundleProgram } from "../support/bundle-program.ts";
import type { ChildTask } from "./blob-of-seed.ts";

/** One line of a child's output. */
export interface ChildLine {
  readonly seed?: number;
  readonly bytes?: number;
  readonly result?: "present" | "transferred";
  /** What the child has synced since the line before: files and directories. */
  readonly synced?: readonly string[];
  /** Calls of the file system that the child made. */
  readonly calls?: number;
  readonly error?: {
    readonly code?: string;
    readonly kind?: string;
    readonly message?: string;
    readonly hint?: string;
  };
}

/** How a child ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly ChildLine[];
  readonly stderr: string;
}

/** The child's program as one file, so that many can be started in little time. */
export interface ChildProgram<Task = ChildTask> extends Disposable {
  /** Runs it to its end, or kills it after so many lines of its output. */
  run(task: Task, options?: { readonly killAfterLines?: number }): Promise<ChildEnd>;
}

/**
 * Builds the program of that source file beside this one, and the programs of its threads, files of `src/`. It lies inside
 * the project, where it finds its packages.
 */
export async function buildChild<Task = ChildTask>(
  source = "ingest-child.ts",
  threads: readonly string[] = [],
): Promise<ChildProgram<Task>> {
  const cache = join(import.meta.dirname, "../../.cache");
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, "child-"));
  const outfile = join(directory, "child.mjs");
  await bundleProgram(join(import.meta.dirname, source), outfile);
  for (const thread of threads) {
    const program = join(directory, basename(thread).replace(/\.ts$/, ".js"));
    const path = join(import.meta.dirname, "../../src", thread);
    await bundleProgram(path, program);
  }
  return {
    run: (task, { killAfterLines } = {}) => runChild(outfile, task, killAfterLines),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

async function runChild(program: string, task: unknown, killAfterLines = Number.POSITIVE_INFINITY): Promise<ChildEnd> {
  const child = spawn(process.execPath, [program, JSON.stringify(task)], { stdio: ["ignore", "pipe", "pipe"] });
  const lines: ChildLine[] = [];
  const stderr: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr.push(text));
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(JSON.parse(line) as ChildLine);
    if (lines.length === killAfterLines) child.kill("SIGKILL");
  });
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, lines, stderr: stderr.join("") }));
  });
}
