import { type Command, Option } from "commander";
import { examples } from "../examples.ts";
import { createUnpackProgress } from "../progress.ts";
import { tellExtraction } from "../tell-extraction.ts";
import type { Terminal } from "../terminal.ts";
import { addUnpackOptions, type UnpackVerbOptions, unpackOptions } from "../unpack-options.ts";

type UnpackOptions = UnpackVerbOptions & { readonly owners?: "apply" | "record" };

/** `strata unpack`: an image as plain files. */
export function configureUnpack(command: Command, terminal: Terminal): void {
  command
    .description(
      "Write the merged file system of an image into a directory: as root with all owners, devices and attributes, else " +
        "with owners and modes recorded in the extended attribute user.containers.override_stat.",
    )
    .argument("<image>")
    .argument("<dir>", "new, or empty")
    .addOption(
      new Option("--owners <how>", "apply owners, or only record them (default: apply for root)").choices([
        "apply",
        "record",
      ]),
    );
  addUnpackOptions(command, { hasSnapshots: false })
    .addHelpText(
      "after",
      examples(
        ["strata unpack debian:bookworm rootfs", "a root file system"],
        ["strata unpack docker-archive:app.tar rootfs", "from an archive, without the store"],
        ["strata unpack --owners record app rootfs", "for tools that run without root"],
      ),
    )
    .action(async (image: string, directory: string, options: UnpackOptions) => {
      const { unpackToDirectory } = await import("../../index.ts");
      const progress = createUnpackProgress(terminal);
      try {
        const report = await unpackToDirectory(image, directory, {
          ...unpackOptions(options, terminal),
          owners: options.owners,
          onUnpack: (event) => progress.report(event),
        });
        await progress.clear();
        await tellExtraction(terminal, report, options);
      } finally {
        await progress.clear();
      }
    });
}
