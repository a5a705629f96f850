import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One command, timed as a whole process several times. */
export interface Measurement {
  /** Wall time of each run in milliseconds, ascending. */
  readonly runs: readonly number[];
  readonly median: number;
  /** Peak memory in MiB of the run that is not counted; only Node processes tell it, and telling takes time. */
  readonly peakMiB: number | undefined;
}

export interface MeasureOptions {
  /** Counted runs, after one that is not. */
  readonly runs?: number;
  /** Called before each run of that command, for instance to empty a cache. */
  readonly before?: ((name: string) => void) | undefined;
  /** Called after each run, failed ones too. */
  readonly after?: ((name: string) => void) | undefined;
}

/** Times commands in turn (A B C, A B C, …), so that a machine whose speed drifts drifts for all of them. */
export function measureTogether<Name extends string>(
  commands: Readonly<Record<Name, readonly string[]>>,
  { runs = 7, before, after }: MeasureOptions = {},
): Record<Name, Measurement> {
  const names = Object.keys(commands) as Name[];
  const samples = new Map<Name, { times: number[]; peak: number | undefined }>();
  for (const name of names) samples.set(name, { times: [], peak: undefined });
  for (let run = 0; run <= runs; run++) {
    for (const name of names) {
      const { milliseconds, peakMiB } = runBetween(name, commands[name], { before, after, tellsPeak: run === 0 });
      const sample = samples.get(name);
      if (sample === undefined) continue;
      if (run === 0) sample.peak = peakMiB;
      else sample.times.push(milliseconds);
    }
  }
  return Object.fromEntries([...samples].map(([name, { times, peak }]) => [name, summarise(times, peak)])) as Record<
    Name,
    Measurement
  >;
}

/** @param times wall times in milliseconds */
export function summarise(times: readonly number[], peakMiB: number | undefined): Measurement {
  const runs = [...times].sort((a, b) => a - b);
  return { runs, median: runs[Math.floor(runs.length / 2)] ?? Number.NaN, peakMiB };
}

function runBetween(
  name: string,
  command: readonly string[],
  { before, after, tellsPeak }: Pick<MeasureOptions, "before" | "after"> & { readonly tellsPeak: boolean },
): ReturnType<typeof runOnce> {
  before?.(name);
  try {
    return runOnce(command, tellsPeak);
  } finally {
    after?.(name);
  }
}

/** @throws Error with what the command said when it failed */
function runOnce(
  command: readonly string[],
  tellsPeak: boolean,
): { readonly milliseconds: number; readonly peakMiB: number | undefined } {
  const directory = mkdtempSync(join(tmpdir(), "strata-bench-"));
  const usageFile = join(directory, "usage");
  const [program = "", ...args] = command;
  const hook = `--import=${join(import.meta.dirname, "report-usage.mjs")}`;
  const usage: NodeJS.ProcessEnv = tellsPeak ? { NODE_OPTIONS: hook, BENCH_USAGE_FILE: usageFile } : {};
  const env = { ...benchEnvironment(), ...usage };
  try {
    const start = performance.now();
    const { status, stderr, error } = spawnSync(program, args, { env, stdio: ["ignore", "ignore", "pipe"] });
    const milliseconds = performance.now() - start;
    if (error !== undefined || status !== 0)
      throw new Error(`${command.join(" ")} failed: ${error?.message ?? stderr.toString()}`);
    return { milliseconds, peakMiB: readPeak(usageFile) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** In which commands are timed: certificates that a machine adds are read at every start of Node, for 70 ms, which tells nothing of them. */
export function benchEnvironment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  return env;
}

function readPeak(file: string): number | undefined {
  try {
    return Number(readFileSync(file, "utf8")) / 1024;
  } catch {
    return undefined;
  }
}
