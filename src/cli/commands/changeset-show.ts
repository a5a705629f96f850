import type { Command } from "commander";
import { changeJson, changeLine } from "../change-line.ts";
import { examples } from "../examples.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import type { Terminal } from "../terminal.ts";
import { placeOptions } from "../with-image.ts";

type ShowOptions = ImageOptions & { readonly lower?: string; readonly details?: boolean };

/** `strata changeset show`: what one layer does. */
export function configureChangesetShow(command: Command, terminal: Terminal): void {
  command
    .summary("list what a layer adds, changes and deletes")
    .description(
      "List what a layer does: A adds, C changes, D deletes. A layer alone does not tell whether a file was there before: then all that it carries is A, unless --lower says what lies below.",
    )
    .argument("<layer>", "a tar archive, compressed or not; - for stdin")
    .option("--lower <tree>", "the directory or image that the layer is for: only what really changes is listed")
    .option("--details", "with --lower: tell what changes of each file");
  addImageOptions(command, { hasLayer: false, json: "print JSON Lines, one object for each change" })
    .addHelpText(
      "after",
      examples(
        ["strata changeset show layer.tar", "what is in it"],
        ["strata changeset create a b | strata changeset show --lower a -", "what it does to a directory"],
      ),
    )
    .action(async (layer: string, options: ShowOptions) => {
      const { showLayer } = await import("../../index.ts");
      const changes = showLayer(layer, { ...placeOptions(options, terminal), lower: options.lower });
      for await (const change of changes) {
        if (options.json === true) terminal.stdout.text(changeJson(change));
        else terminal.stdout.write(changeLine(terminal, change, { hasDetails: options.details === true }));
        if (terminal.stdout.isFull) await terminal.stdout.flush();
      }
    });
}
