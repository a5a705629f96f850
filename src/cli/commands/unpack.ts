import { type Command, Option } from "commander";
import { toText } from "../../base/index.ts";
import type { ExtractReport } from "../../index.ts";
import { examples } from "../examples.ts";
import { formatBytes } from "../format-size.ts";
import { createUnpackProgress } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { addUnpackOptions, type UnpackVerbOptions, unpackOptions } from "../unpack-options.ts";

type UnpackOptions = UnpackVerbOptions & { readonly owners?: "apply" | "record" };

/** `strata unpack`: an image as plain files. */
export function configureUnpack(command: Command, terminal: Terminal): void {
  command
    .description(
      "Write the merged file system of an image into a directory: as root with all owners, devices and attributes, else\n" +
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
        await tellReport(terminal, report, options);
      } finally {
        await progress.clear();
      }
    });
}

async function tellReport(terminal: Terminal, report: ExtractReport, { json }: UnpackOptions): Promise<void> {
  const { entries, bytes, skipped } = report;
  const lost = skipped.map((part) => ({ ...part, path: toText(part.path), name: toText(part.name) }));
  if (json === true) {
    terminal.stdout.text(`${JSON.stringify({ entries, bytes, skipped: lost })}\n`);
    return;
  }
  await terminal.note(`${entries} files, ${formatBytes(bytes)}`);
  for (const { what, path, name, reason, count } of lost) {
    const others = count > 1 ? ` and ${count - 1} more` : "";
    await terminal.note(`left out: ${what}${name === "" ? "" : ` ${name}`} of ${path}${others}: ${reason}`);
  }
}
