import { Argument, type Command } from "commander";
import { completionScript, SHELLS, type Shell } from "../completion-script.ts";
import { examples } from "../examples.ts";
import type { Terminal } from "../terminal.ts";

/** `strata completion`: a script for the user's shell. The command's siblings must be configured. */
export function configureCompletion(command: Command, terminal: Terminal): void {
  command
    .description("Print a completion script. It completes verbs, options, transports, files, and paths inside images.")
    .addArgument(new Argument("<shell>").choices(SHELLS))
    .addHelpText(
      "after",
      examples(
        ['eval "$(strata completion bash)"', "in ~/.bashrc"],
        ['eval "$(strata completion zsh)"', "in ~/.zshrc"],
        ["strata completion fish > ~/.config/fish/completions/strata.fish", "for fish"],
      ),
    )
    .action((shell: Shell) => {
      const verbs = (command.parent?.commands ?? []).filter((verb) => !verb.name().startsWith("_"));
      const options = Object.fromEntries(verbs.map((verb) => [verb.name(), optionsOf(verb)]));
      const words = verbs.map((verb) => ({ name: verb.name(), summary: verb.summary() }));
      const parts = Object.fromEntries(
        verbs.map((verb) => [verb.name(), partsOf(verb)] as const).filter(([, names]) => names.length > 0),
      );
      terminal.stdout.text(completionScript(shell, { verbs: words, options, parts }));
    });
}

/** Those of all parts of a verb together. */
function optionsOf({ options, commands }: Command): string[] {
  const own = options.flatMap(({ long, short }) => [long, short]).filter((flag) => typeof flag === "string");
  return [...new Set(["--help", ...own, ...commands.flatMap(optionsOf)])];
}

function partsOf({ commands, registeredArguments: [first] }: Command): readonly string[] {
  return commands.length > 0 ? commands.map((part) => part.name()) : (first?.argChoices ?? []);
}
