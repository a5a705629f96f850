import type { Command } from "commander";
import { examples } from "../examples.ts";
import { fullName } from "../registry-reference.ts";
import type { Terminal } from "../terminal.ts";
import { addTransferOptions, type TransferOptions, tellResult, transfer } from "../transfer/transfer-options.ts";

/** `strata push`: from the local store to a registry. */
export function configurePush(command: Command, terminal: Terminal): void {
  command
    .description("Push an image of the local store to the registry that its name tells, or to another reference.")
    .argument("<image>", "name, digest or the beginning of one")
    .argument("[reference]", "[HOST[:PORT]/]REPOSITORY[:TAG] (default: the name)");
  addTransferOptions(command)
    .addHelpText(
      "after",
      examples(
        ["strata push localhost:5000/app:1", "where its name says"],
        ["strata push app:1 registry.example/team/app:1", "elsewhere"],
        ["strata push --compression gzip app:1 localhost:5000/app:1", "with compressed layers"],
      ),
    )
    .action(async (image: string, reference: string | undefined, options: TransferOptions) => {
      const { copyImage } = await import("../../index.ts");
      const name = fullName(reference ?? image);
      const result = await transfer({ terminal, options }, (copy) =>
        copyImage(`store:${image}`, `docker://${name}`, copy),
      );
      tellResult(terminal, options, name, result);
    });
}
