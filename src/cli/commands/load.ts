import type { Command } from "commander";
import { examples } from "../examples.ts";
import { familiarName } from "../stored-images.ts";
import type { Terminal } from "../terminal.ts";
import { addTransferOptions, type TransferOptions, transfer } from "../transfer/transfer-options.ts";

type LoadOptions = TransferOptions & { readonly input: string };

/** `strata load`: all images of an archive into the local store. */
export function configureLoad(command: Command, terminal: Terminal): void {
  command
    .description(
      "Load all images of an archive or a layout into the local store, under the names they have there; or the one that is selected.",
    )
    .option("-i, --input <image>", "file, directory or any image name", "-");
  addTransferOptions(command, { canConvert: false })
    .addHelpText(
      "after",
      examples(
        ["docker save nginx | strata load", "from a pipe"],
        ["strata load -i app.tar", "from a file"],
        ["strata load -i oci:layout:v1", "one image of a layout"],
      ),
    )
    .action(async (options: LoadOptions) => {
      const { loadImages } = await import("../../index.ts");
      const loaded = await transfer({ terminal, options }, (copy) => loadImages(options.input, copy));
      if (options.json === true) return;
      for (const { names, root } of loaded) {
        const shown = names.length === 0 ? ["<none>"] : names.map(familiarName);
        for (const name of shown)
          terminal.stdout.text(options.quiet === true ? `${root.digest}\n` : `${name} ${root.digest}\n`);
      }
    });
}
