import type { Command } from "commander";
import { addEditOptions, type EditVerbOptions, editImage } from "../edit/edit-options.ts";
import { examples } from "../examples.ts";
import type { Terminal } from "../terminal.ts";

/** `strata append`: more layers on an image. */
export function configureAppend(command: Command, terminal: Terminal): void {
  command
    .description(
      "Make an image with more layers on top: tar archives as they are, compressed or not, or directories, of which all becomes a layer.",
    )
    .argument("<image>", "any image; it stays as it is")
    .argument("<layer...>", "a tar archive, a directory, or - for an archive from stdin");
  addEditOptions(command)
    .addHelpText(
      "after",
      examples(
        ["strata append debian:12 layer.tar -t app:1", "a layer that something else made"],
        ["strata append debian:12 rootfs/ -t app:1", "a directory; its names are those in the image"],
        ["tar c app | strata append debian:12 - -t docker://localhost:5000/app:1", "into a registry"],
      ),
    )
    .action(async (image: string, layers: string[], options: EditVerbOptions) => {
      await editImage(image, { terminal, options, words: ["append"] }, async (draft, step) => {
        let edited = draft;
        for (const layer of layers)
          edited = await edited.append(layer, { ...step, createdBy: options.message ?? `strata append ${layer}` });
        return edited;
      });
    });
}
