import type { Command } from "commander";
import { examples } from "../examples.ts";
import type { Terminal } from "../terminal.ts";
import { addTransferOptions, type TransferOptions, tellResult, transfer } from "../transfer/transfer-options.ts";

/** `strata copy`: from any place to any other. */
export function configureCopy(command: Command, terminal: Terminal): void {
  command
    .description(
      "Copy an image between any two places. Blobs that are there already stay; nothing is compressed anew unless asked. Interrupted, it goes on where it was when called again.",
    )
    .argument("<from>", "any image")
    .argument(
      "<to>",
      "docker://REF, oci:DIR[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME] or store:[NAME]",
    )
    .option("--referrers", "signatures, SBOMs and all else that refers to the image too; not into the store");
  addTransferOptions(command)
    .addHelpText(
      "after",
      examples(
        ["strata copy docker://debian:bookworm oci:debian:bookworm", "a registry to a directory"],
        ["strata copy -a docker://debian:bookworm oci-archive:debian.tar", "with all platforms"],
        ["strata copy docker-archive:app.tar docker://localhost:5000/app:1", "to a registry"],
        ["strata copy --compression zstd oci:app oci:small", "compressed otherwise"],
      ),
    )
    .action(async (from: string, to: string, options: TransferOptions) => {
      const { copyImage } = await import("../../index.ts");
      const result = await transfer({ terminal, options }, (copy) => copyImage(from, to, copy));
      tellResult(terminal, options, to, result);
    });
}
