import { type Command, Option } from "commander";
import type { StoreOptions } from "./store-root.ts";
import type { ColorChoice } from "./terminal.ts";

/** How a verb talks. */
export interface OutputOptions {
  readonly quiet?: boolean;
  readonly color: ColorChoice;
}

/** What every verb of the store has. */
export interface StoreVerbOptions extends StoreOptions, OutputOptions {
  readonly json?: boolean;
}

/** Declares {@link StoreVerbOptions}, below the verb's own options in the help; `json` "" leaves that option out. */
export function addStoreOptions(command: Command, { json = "print JSON", quiet = QUIET } = {}): Command {
  command
    .optionsGroup("Store:")
    .option(
      "--root <dir>",
      "where the store lies (default: $STRATA_ROOT, /var/lib/strata for root, else $XDG_DATA_HOME/strata)",
    );
  addOutputOptions(command, quiet);
  return json === "" ? command : command.option("--json", json);
}

const QUIET = "no notes on stderr";

/** Declares {@link OutputOptions}. */
export function addOutputOptions(command: Command, quiet = QUIET): Command {
  return command
    .optionsGroup("Output:")
    .addOption(new Option("--color <when>", "colour the output").choices(["auto", "always", "never"]).default("auto"))
    .option("-q, --quiet", quiet);
}
