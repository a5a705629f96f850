import type { Command } from "commander";
import { addEditOptions, type EditVerbOptions, editImage } from "../edit/edit-options.ts";
import { wordsOf } from "../edit/words-of.ts";
import { examples } from "../examples.ts";
import { parseCount } from "../parse-numbers.ts";
import type { Terminal } from "../terminal.ts";

type SquashVerbOptions = EditVerbOptions & { readonly from?: number };

/** `strata squash`: many layers as one. */
export function configureSquash(command: Command, terminal: Terminal): void {
  command
    .description(
      "Make an image in which all layers are one, or all from a layer up. It shows the same files; what layers added and removed again is gone.",
    )
    .argument("<image>", "any image; it stays as it is")
    .option("--from <layer>", "the lowest of them (default: 0, all)", parseCount);
  addEditOptions(command)
    .addHelpText(
      "after",
      examples(
        ["strata squash app:1 -t app:flat", "one layer"],
        ["strata squash app:1 --from 2 -t app:flat", "layers 0 and 1 stay, to be shared with other images"],
      ),
    )
    .action(async (image: string, options: SquashVerbOptions) => {
      const run = { terminal, options, words: wordsOf(command) };
      await editImage(image, run, (draft, step) => draft.squash({ from: options.from }, step));
    });
}
