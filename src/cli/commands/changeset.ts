import type { Command } from "commander";
import { examples } from "../examples.ts";
import type { Terminal } from "../terminal.ts";
import { configureChangesetApply } from "./changeset-apply.ts";
import { configureChangesetCreate } from "./changeset-create.ts";
import { configureChangesetShow } from "./changeset-show.ts";

/** `strata changeset`: layers by themselves, made, applied and shown. */
export function configureChangeset(command: Command, terminal: Terminal): void {
  command
    .description("Make, apply and show single layers: the tar archives of changes that images are made of.")
    .usage("create|apply|show [ARGUMENT…] [OPTION…]")
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (verb) => verb.name(), visibleArguments: () => [] })
    .addHelpText(
      "after",
      examples(
        ["strata changeset create before after -o layer.tar", "what changed between two directories"],
        ["strata changeset apply layer.tar rootfs", "the same change, done to another directory"],
        ["strata changeset show layer.tar", "what is in a layer"],
      ),
    );
  configureChangesetCreate(command.command("create"), terminal);
  configureChangesetApply(command.command("apply"), terminal);
  configureChangesetShow(command.command("show"), terminal);
}
