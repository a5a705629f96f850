import { type Command, Option } from "commander";
import { StrataError } from "../../base/index.ts";
import { examples } from "../examples.ts";
import type { Terminal } from "../terminal.ts";
import { addTransferOptions, type TransferOptions, transfer } from "../transfer/transfer-options.ts";

type SaveOptions = TransferOptions & { readonly output?: string; readonly archive: "docker-archive" | "oci-archive" };

/** `strata save`: images into one archive. */
export function configureSave(command: Command, terminal: Terminal): void {
  command
    .description(
      "Write images into one archive that `docker load`, `podman load` and `strata load` take. The same images give the same bytes.",
    )
    .argument("<image...>")
    .option("-o, --output <file>", "file to write (default: stdout)")
    .addOption(
      new Option("--archive <kind>", "kind of archive")
        .choices(["docker-archive", "oci-archive"])
        .default("docker-archive"),
    );
  addTransferOptions(command)
    .addHelpText(
      "after",
      examples(
        ["strata save -o app.tar app:1", "one image"],
        ["strata save app:1 | docker load", "to docker"],
        ["strata save -o both.tar app:1 app:2", "two that share layers"],
        ["strata save -a --archive oci-archive -o app.oci.tar app:1", "with all platforms"],
      ),
    )
    .action(async (images: string[], options: SaveOptions) => {
      const { saveImages } = await import("../../index.ts");
      const to = `${options.archive}:${outputOf(options, terminal)}`;
      await transfer({ terminal, options }, (copy) => saveImages(images, to, copy));
    });
}

function outputOf({ output }: SaveOptions, { stdout }: Terminal): string {
  if (output !== undefined) return output;
  if (!stdout.isTerminal) return "-";
  throw new StrataError({
    code: "stdout-is-terminal",
    kind: "invalid-argument",
    message: "Standard output is a terminal, which an archive would garble",
    hint: "Pipe it on, or name a file: strata save -o FILE IMAGE",
  });
}
