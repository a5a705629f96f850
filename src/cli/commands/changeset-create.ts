import { type Command, Option } from "commander";
import type { CreateLayerOptions } from "../../index.ts";
import { examples } from "../examples.ts";
import { formatBytes } from "../format-size.ts";
import { parseCount } from "../parse-numbers.ts";
import { sourceDateEpoch } from "../source-date-epoch.ts";
import { addOutputOptions, type OutputOptions } from "../store-options.ts";
import { tellNotices } from "../tell-notices.ts";
import type { Terminal } from "../terminal.ts";
import { outputIsTerminal } from "./export.ts";

type CreateOptions = OutputOptions &
  Pick<CreateLayerOptions, "contents" | "compression"> & {
    readonly output?: string;
    readonly overlay?: boolean;
    readonly compressionLevel?: number;
  };

/** `strata changeset create`: the layer that makes one directory out of another. */
export function configureChangesetCreate(command: Command, terminal: Terminal): void {
  command
    .summary("write the layer that makes one directory out of another")
    .description(
      "Write the layer that makes directory UPPER out of directory LOWER: all that was added or changed, and whiteouts for what is gone. The same trees give the same bytes. SOURCE_DATE_EPOCH is the latest time that files get.",
    )
    .argument("<lower>", 'a directory; empty, or "", for a layer with everything')
    .argument("<upper>", "a directory; one that an overlay is mounted on over LOWER is not walked")
    .option(
      "-o, --output <file>",
      "write there instead of to stdout; complete or not at all, and only if something changed",
    )
    .option("--overlay", "UPPER is an upper directory of overlayfs, LOWER its lowerdir (several: top:…:bottom)")
    .addOption(
      new Option("--contents <when>", "read files of equal size and time")
        .choices(["unsure", "always"])
        .default("unsure"),
    )
    .addOption(new Option("--compression <how>", "of the layer").choices(["none", "gzip", "zstd"]).default("none"))
    .option("--compression-level <n>", "1 to 9 for gzip, 1 to 19 for zstd", parseCount);
  addOutputOptions(command)
    .addHelpText(
      "after",
      examples(
        ["strata changeset create before after -o layer.tar", "what changed"],
        ['strata changeset create "" rootfs | gzip > base.tar.gz', "everything"],
        ["strata changeset create --overlay /lower /upper -o layer.tar", "from an upper directory alone"],
      ),
    )
    .action(async (lower: string, upper: string, options: CreateOptions) => {
      const { output = "-", overlay, contents, compression, compressionLevel } = options;
      if (output === "-" && terminal.stdout.isTerminal) throw outputIsTerminal();
      const { createLayer } = await import("../../index.ts");
      const layer = await createLayer(lower, upper, {
        isOverlay: overlay,
        contents,
        compression,
        compressionLevel,
        clampTime: sourceDateEpoch(terminal.env),
        signal: terminal.signal,
      });
      if (output === "-") {
        for await (const chunk of layer.bytes()) await terminal.stdout.send(chunk);
      } else if (layer.isEmpty) {
        await terminal.note("nothing differs, so that there is no layer to write");
      } else {
        const size = await layer.writeTo(output);
        await terminal.note(`${layer.changeCount} changes, ${formatBytes(size)}`);
      }
      await tellNotices(terminal, layer.notices);
    });
}
