import type { Command } from "commander";
import { formatReference, parseReference } from "../../oci/index.ts";
import { examples } from "../examples.ts";
import { fullName } from "../registry-reference.ts";
import type { Terminal } from "../terminal.ts";
import { addTransferOptions, type TransferOptions, tellResult, transfer } from "../transfer/transfer-options.ts";

/** `strata pull`: from a registry into the local store. */
export function configurePull(command: Command, terminal: Terminal): void {
  command
    .description(
      "Pull images from registries into the local store, under their names. What is there already is not pulled again.",
    )
    .argument("<reference...>", "[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]");
  addTransferOptions(command, { canConvert: false })
    .addHelpText(
      "after",
      examples(
        ["strata pull debian:bookworm", "from Docker Hub"],
        ["strata pull --platform linux/arm64 localhost:5000/app", "for another platform"],
        ["strata pull -a debian@sha256:…", "exactly this index, with all platforms"],
      ),
    )
    .action(async (references: string[], options: TransferOptions) => {
      const { copyImage } = await import("../../index.ts");
      for (const text of references) {
        const name = fullName(text);
        const stored = nameInStore(name);
        const result = await transfer({ terminal, options }, (copy) =>
          copyImage(`docker://${name}`, `store:${stored}`, copy),
        );
        tellResult(terminal, options, stored, result);
      }
    });
}

/** With a digest the tag is only for people: a pull must not move a name that may lead elsewhere by now. */
function nameInStore(name: string): string {
  const { tag: _, ...untagged } = parseReference(name);
  return untagged.digest === undefined ? name : formatReference(untagged);
}
