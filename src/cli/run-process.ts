import process from "node:process";
import { StrataError } from "../base/index.ts";
import { runCli } from "./run-cli.ts";
import { Terminal, type TerminalInit } from "./terminal.ts";

/** Runs a command line on the process's own streams and sets its exit code. SIGINT and SIGTERM abort what is running. */
export async function runProcess(args: readonly string[], version: string): Promise<void> {
  const abort = new AbortController();
  // Once: a second signal ends a process that does not listen.
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => abort.abort(interrupted(signal)));
  const { stdout, stderr, env } = process;
  const stdin = lazyStdin(abort.signal);
  const terminal = new Terminal({ stdin, stdout, stderr, env, signal: abort.signal });
  process.exitCode = await runCli(args, terminal, version);
  stdin.close();
}

function interrupted(signal: string): StrataError {
  return new StrataError({ code: "aborted", kind: "aborted", message: `Interrupted by ${signal}` });
}

/** Standard input, set up by Node only when somebody reads it or asks what it is. */
function lazyStdin(signal: AbortSignal): TerminalInit["stdin"] & { close(): void } {
  let isOpen = false;
  return {
    get isTTY() {
      return process.stdin.isTTY;
    },
    [Symbol.asyncIterator]() {
      isOpen = true;
      // Waiting for the next bytes of a pipe ends no other way.
      signal.addEventListener("abort", () => process.stdin.destroy(signal.reason as Error), { once: true });
      return process.stdin[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    },
    close() {
      // What is not read to its end would keep the process alive.
      if (isOpen) process.stdin.destroy();
    },
  };
}
