import type { Command } from "commander";
import type { PruneReport } from "../../index.ts";
import { examples } from "../examples.ts";
import { formatBytes } from "../format-size.ts";
import { shortDigest } from "../short-digest.ts";
import { addStoreOptions, type StoreVerbOptions } from "../store-options.ts";
import { familiarName } from "../stored-images.ts";
import type { Terminal } from "../terminal.ts";
import { withStore } from "../with-store.ts";

type PruneVerbOptions = StoreVerbOptions & {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
};

/** `strata prune`: frees what nobody needs. */
export function configurePrune(command: Command, terminal: Terminal): void {
  command
    .description(
      "Free space in the local store: images without a name, broken transfers, blobs that no image needs. Without --force it only tells what it would free.",
    )
    .option("-f, --force", "do it")
    .option("-n, --dry-run", "only tell what would be freed, also with --force")
    .option("-a, --all", "images that have a name too: everything");
  addStoreOptions(command, { json: "print one JSON object" })
    .addHelpText(
      "after",
      examples(
        ["strata prune", "look first"],
        ["strata prune --force", "then do it"],
        ["strata prune --all --force", "an empty store"],
      ),
    )
    .action(async (options: PruneVerbOptions) => {
      const isDryRun = options.dryRun === true || options.force !== true;
      const { all } = options;
      const report = await withStore({ terminal, options, mustExist: true }, async (store) =>
        store.prune({ all, isDryRun, signal: terminal.signal }),
      );
      if (options.json === true) terminal.stdout.text(`${JSON.stringify(report)}\n`);
      else terminal.stdout.text(reportText(report));
      if (isDryRun) await terminal.note("nothing was removed; `strata prune --force` does it");
    });
}

function reportText({ isDryRun, images, snapshots, blobs, ingests, indexes }: PruneReport): string {
  const verb = isDryRun ? "would remove" : "removed";
  const lines = images.map(
    ({ digest, names }) => `${verb} ${[shortDigest(digest), ...names.map(familiarName)].join(" ")}`,
  );
  const parts = [
    [snapshots, "snapshot"],
    [blobs, "blob"],
    [ingests, "broken transfer"],
    [indexes, "remembered index", "remembered indexes"],
  ] as const;
  for (const [{ count, bytes }, one, many = `${one}s`] of parts) {
    if (count > 0) lines.push(`${verb} ${count} ${count === 1 ? one : many}, ${formatBytes(bytes)}`);
  }
  const bytes = parts.reduce((sum, [amount]) => sum + amount.bytes, 0);
  lines.push(`${isDryRun ? "would free" : "freed"} ${formatBytes(bytes)}`);
  return lines.map((line) => `${line}\n`).join("");
}
