import type { Command } from "commander";
import { addConfigOptions, type ConfigOptions, configChangeOf } from "../edit/config-options.ts";
import { addEditOptions, type EditVerbOptions, editImage } from "../edit/edit-options.ts";
import { nothingToDo } from "../edit/nothing-to-do.ts";
import { wordsOf } from "../edit/words-of.ts";
import { examples } from "../examples.ts";
import type { Terminal } from "../terminal.ts";

/** `strata config`: how containers of an image run. */
export function configureConfig(command: Command, terminal: Terminal): void {
  command
    .description(
      "Make an image with another configuration. No layer is read; of an image in a registry only documents are.",
    )
    .argument("<image>", "any image; it stays as it is");
  addEditOptions(addConfigOptions(command), { hasLayers: false })
    .addHelpText(
      "after",
      examples(
        ["strata config app:1 --env MODE=prod --user 1000 -t app:prod", "a variable and a user"],
        [`strata config app:1 --entrypoint '["/app"]' --cmd "" -t app:2`, "another program"],
        ["strata config docker://ghcr.io/me/app:1 --label tested=yes -t docker://ghcr.io/me/app:1", "in a registry"],
      ),
    )
    .action(async (image: string, options: EditVerbOptions & ConfigOptions) => {
      const change = configChangeOf(options);
      if (change === undefined) throw nothingToDo("strata config IMAGE --env NAME=VALUE -t NEW");
      const run = { terminal, options, words: wordsOf(command) };
      await editImage(image, run, (draft, step) => draft.configure(change, step));
    });
}
