import { toText } from "../base/index.ts";
import type { ExtractReport } from "../index.ts";
import { formatBytes } from "./format-size.ts";
import type { Terminal } from "./terminal.ts";

/** What was written into a directory: one object on stdout with `--json`, else notes on stderr. */
export async function tellExtraction(
  terminal: Terminal,
  report: ExtractReport,
  { json }: { readonly json?: boolean },
): Promise<void> {
  const { entries, bytes, skipped } = report;
  const lost = skipped.map((part) => ({ ...part, path: toText(part.path), name: toText(part.name) }));
  if (json === true) {
    terminal.stdout.text(`${JSON.stringify({ entries, bytes, skipped: lost })}\n`);
    return;
  }
  await terminal.note(`${entries} files, ${formatBytes(bytes)}`);
  for (const { what, path, name, reason, count } of lost) {
    const others = count > 1 ? ` and ${count - 1} more` : "";
    await terminal.note(`left out: ${what}${name === "" ? "" : ` ${name}`} of ${path}${others}: ${reason}`);
  }
}
