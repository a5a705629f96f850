import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Command } from "commander";
import { userNamespaceCommand } from "../../linux/index.ts";
import { examples } from "../examples.ts";
import { addStoreOptions, type StoreVerbOptions } from "../store-options.ts";
import { storeRoot } from "../store-root.ts";
import type { Terminal } from "../terminal.ts";

type UnshareOptions = StoreVerbOptions & { readonly ownId?: boolean };

/** `strata unshare`: root without root. */
export function configureUnshare(command: Command, terminal: Terminal): void {
  command
    .description(
      "Run a command as root of a user namespace of your own, in which `strata mount` works without root: with your " +
        "subordinate ids (/etc/subuid, newuidmap), and your store. What is mounted in it ends with it.",
    )
    .argument("[command...]", "default: your shell")
    .option("--own-id", "map your own id only: works without subordinate ids, where all files are yours")
    .passThroughOptions();
  addStoreOptions(command, { json: "" })
    .addHelpText(
      "after",
      examples(
        ["strata unshare", "a shell"],
        ["strata unshare sh -c 'strata mount debian /mnt && ls /mnt'", "an image, mounted for one command"],
      ),
    )
    .action(async (words: string[], options: UnshareOptions) => {
      const [program = terminal.env["SHELL"] ?? "sh", ...args] = words;
      const line = userNamespaceCommand(program, args, { mapAll: options.ownId !== true });
      const env = { ...terminal.env, STRATA_ROOT: storeRoot(options, terminal.env) };
      const child = spawn(line.command, [...line.args], { stdio: "inherit", env });
      const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
      terminal.exitWith(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
}
