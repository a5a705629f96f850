import { reportError } from "./report-error.ts";
import type { Terminal } from "./terminal.ts";

/** Prints an error on stderr, as JSON where the user asked for JSON. */
export async function printError(error: unknown, json: boolean, terminal: Terminal): Promise<void> {
  const debug = (terminal.env["STRATA_DEBUG"] ?? "") !== "" && terminal.env["STRATA_DEBUG"] !== "0";
  terminal.stderr.text(reportError(error, { json, debug, style: terminal.errorStyle }));
  await terminal.stderr.flush();
}
