import type { Command } from "commander";
import { addEditOptions, type EditVerbOptions, editImage } from "../edit/edit-options.ts";
import { examples } from "../examples.ts";
import type { Terminal } from "../terminal.ts";

type RebaseOptions = EditVerbOptions & { readonly onto: string; readonly base?: string; readonly force?: boolean };

/** `strata rebase`: the upper layers of an image on another base. */
export function configureRebase(command: Command, terminal: Terminal): void {
  command
    .description(
      "Make an image of the layers that one has above its base, on another base: what a rebuild would do when only the base is new. That the layers fit there is seen by reading which files they have; whether programs find what they need there, nobody checks.",
    )
    .argument("<image>", "any image; it stays as it is")
    .requiredOption("--onto <image>", "the new base")
    .option("--base <image>", "the base that it has now (default: the one that its annotations name)")
    .option("--force", "read no layer, whether they fit on the new base or not");
  addEditOptions(command, { hasLayers: false, hasStep: false })
    .addHelpText(
      "after",
      examples(
        ["strata rebase app:1 --base debian:12.4 --onto debian:12.5 -t app:2", "a base with its fixes"],
        ["strata rebase docker://ghcr.io/me/app:1 --onto debian:12 -t docker://ghcr.io/me/app:2", "in a registry"],
      ),
    )
    .action(async (image: string, options: RebaseOptions) => {
      const { onto, base, force } = options;
      await editImage(image, { terminal, options, words: [] }, (draft) => draft.rebase(onto, { oldBase: base, force }));
    });
}
