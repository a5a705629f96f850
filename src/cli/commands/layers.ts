import type { Command } from "commander";
import { examples } from "../examples.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import { layerRows, printChainIds, printLayers } from "../layer-list.ts";
import type { Terminal } from "../terminal.ts";
import { withImage } from "../with-image.ts";

type LayersOptions = ImageOptions & { readonly trunc: boolean; readonly explain?: boolean };

/** `strata layers`: the layers and what they are worth. */
export function configureLayers(command: Command, terminal: Terminal): void {
  command
    .description("List the layers, base first: identity, size, entries, share of the image, instruction.")
    .argument("<image>")
    .option("--no-trunc", "ids and instructions in full")
    .option("--explain", "how each chainID is computed from the diffIDs");
  addImageOptions(command, { hasLayer: false, json: "print JSON Lines, one object for each layer" })
    .addHelpText(
      "after",
      examples(
        ["strata layers nginx.tar", "a table"],
        ["strata layers --explain nginx.tar", "every chainID with the text that is hashed"],
        ["strata layers docker-root:/var/lib/docker#nginx", "with the directories that docker keeps them in"],
        ["strata layers docker-root:/var/lib/docker#container:web", "a stopped container's too"],
        ["strata layers --json nginx.tar | jq .diffID", "for programs"],
      ),
    )
    .action(async (name: string, options: LayersOptions) => {
      await withImage(name, { terminal, options }, async (image) => {
        if (options.json === true) {
          for (const row of layerRows(image)) terminal.stdout.text(`${JSON.stringify(row)}\n`);
        } else if (options.explain === true) {
          printChainIds(terminal, image);
        } else {
          printLayers(terminal, image, { truncated: options.trunc });
        }
      });
    });
}
