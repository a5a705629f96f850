import type { Command } from "commander";
import { addEditOptions, type EditVerbOptions, editImage } from "../edit/edit-options.ts";
import { examples } from "../examples.ts";
import { parseCount } from "../parse-numbers.ts";
import type { Terminal } from "../terminal.ts";

/** `strata drop`: an image without one of its layers. */
export function configureDrop(command: Command, terminal: Terminal): void {
  command
    .description(
      "Make an image without one of its layers, and without its step in the history. The layers above stay as they are; that they still fit is seen by reading which files they have.",
    )
    .argument("<image>", "any image; it stays as it is")
    .argument("<layer>", "its number, as `strata layers` tells it", parseCount)
    .option("--force", "read no layer, whether they still fit each other or not");
  addEditOptions(command, { hasLayers: false, hasStep: false })
    .addHelpText(
      "after",
      examples(
        ["strata drop app:1 3 -t app:2", "without layer 3"],
        ["strata drop docker://ghcr.io/me/app:1 3 -t docker://ghcr.io/me/app:2", "in a registry"],
      ),
    )
    .action(async (image: string, layer: number, options: EditVerbOptions & { readonly force?: boolean }) => {
      await editImage(image, { terminal, options, words: [] }, (draft) => draft.dropLayer(layer, options));
    });
}
