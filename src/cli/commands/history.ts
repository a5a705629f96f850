import type { Command } from "commander";
import { examples } from "../examples.ts";
import { historyRows, printHistory } from "../history-list.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import type { Terminal } from "../terminal.ts";
import { loadUnlessRemote, withDocuments } from "../with-image.ts";

/** `strata history`: what `docker history` shows, with the layer that each step made. */
export function configureHistory(command: Command, terminal: Terminal): void {
  command
    .description(
      "Show the steps that built an image, newest first as `docker history` does, with the layer each one made.",
    )
    .argument("<image>")
    .option("--no-trunc", "instructions in full, as they are stored");
  addImageOptions(command, { hasLayer: false, json: "print one JSON array" })
    .addHelpText(
      "after",
      examples(
        ["strata history nginx.tar", "one line for each step"],
        ["strata history --no-trunc nginx.tar", "with nothing left out"],
      ),
    )
    .action(async (name: string, options: ImageOptions & { readonly trunc: boolean }) => {
      await withDocuments(name, { terminal, options }, async (documents) => {
        const image = await loadUnlessRemote(documents);
        if (options.json === true) terminal.stdout.text(`${JSON.stringify(historyRows(image), null, 2)}\n`);
        else printHistory(terminal, image, { truncated: options.trunc });
      });
    });
}
