import process from "node:process";
import { runCli } from "./run-cli.ts";
import { Terminal } from "./terminal.ts";

/** Runs a command line on the process's own streams and sets its exit code. SIGINT and SIGTERM abort what is running. */
export async function runProcess(args: readonly string[], version: string): Promise<void> {
  const abort = new AbortController();
  // Once: a second signal ends a process that does not listen.
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => abort.abort(signal));
  const { stdin, stdout, stderr, env } = process;
  const terminal = new Terminal({ stdin, stdout, stderr, env, signal: abort.signal });
  process.exitCode = await runCli(args, terminal, version);
  // An unread stdin would keep the process alive.
  process.stdin.destroy();
}
