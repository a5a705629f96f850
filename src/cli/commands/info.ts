import type { Command } from "commander";
import type { MachineInfo } from "../../index.ts";
import { examples } from "../examples.ts";
import { addStoreOptions, type StoreVerbOptions } from "../store-options.ts";
import { storeRoot } from "../store-root.ts";
import { formatTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";

/** `strata info`: what works here, and why. */
export function configureInfo(command: Command, terminal: Terminal): void {
  command.description(
    "Show what this kernel, this user and the store's file system can do, which snapshot driver is used and why.",
  );
  addStoreOptions(command, { json: "print one JSON object" })
    .addHelpText(
      "after",
      examples(["strata info", "for people"], ["strata info --json | jq -r .driver", "for programs"]),
    )
    .action(async (options: StoreVerbOptions) => {
      const { describeMachine } = await import("../../index.ts");
      const info = await describeMachine({ store: storeRoot(options, terminal.env) });
      terminal.stdout.text(options.json === true ? `${JSON.stringify(info)}\n` : infoText(info, terminal));
    });
}

function infoText({ store, driver, isRemembered, drivers, facts }: MachineInfo, { style }: Terminal): string {
  const mark = (works: boolean): string => (works ? style.green("yes") : style.red("no"));
  const head = [
    ["store", store],
    ["driver", `${driver}${isRemembered ? " (as chosen when the store was first used)" : ""}`],
  ];
  const driverRows = drivers.map(({ driver: name, works, reason }) => [name, mark(works), reason]);
  const factRows = facts.map(({ name, works, reason }) => [name, mark(works), reason]);
  return [
    formatTable(head, "<<"),
    formatTable([["DRIVER", "WORKS", "WHY"], ...driverRows], "<<<"),
    formatTable([["CAPABILITY", "HERE", "WHY"], ...factRows], "<<<"),
  ].join("\n");
}
