import type { Command } from "commander";
import type { DiskUsage } from "../../index.ts";
import { examples } from "../examples.ts";
import { formatBytes, formatSize } from "../format-size.ts";
import { addStoreOptions, type StoreVerbOptions } from "../store-options.ts";
import { formatTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { withStore } from "../with-store.ts";

/** `strata df`: what takes how much. */
export function configureDf(command: Command, terminal: Terminal): void {
  command.description("Show what the local store uses the disk for, and what `strata prune` would free.");
  addStoreOptions(command, { json: "print one JSON object" })
    .addHelpText("after", examples(["strata df", "a table"], ["strata df --json | jq .reclaimable", "for programs"]))
    .action(async (options: StoreVerbOptions) => {
      const usage = await withStore({ terminal, options, isReadOnly: true }, (store) => store.diskUsage());
      terminal.stdout.text(options.json === true ? `${JSON.stringify(usage)}\n` : usageTable(usage));
    });
}

function usageTable(usage: DiskUsage): string {
  const rows = [
    ["images", usage.images],
    ["images without a name", usage.dangling],
    ["blobs", usage.blobs],
    ["layers", usage.layers],
    ["layers of several images", usage.sharedLayers],
    ["unpacked layers", usage.unpackedLayers],
    ...usage.snapshots.map(({ driver, ...amount }) => [`snapshots, ${driver}`, amount] as const),
    ["transfers", usage.ingests],
    ["remembered indexes", usage.indexes],
    ["quarantine", usage.quarantine],
  ] as const;
  const cells = rows.map(([what, { count, bytes }]) => [what, String(count), formatSize(bytes)]);
  const table = formatTable([["WHAT", "COUNT", "SIZE"], ...cells], "<>>");
  return `${table}\n\`strata prune\` would free ${formatBytes(usage.reclaimable)}\n`;
}
