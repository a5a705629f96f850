import { type Command, Option } from "commander";
import { StrataError } from "../../base/index.ts";
import { examples } from "../examples.ts";
import { addLimitOptions, type LimitOptions, limitsOf } from "../image-options.ts";
import { addOutputOptions, type OutputOptions } from "../store-options.ts";
import { tellExtraction } from "../tell-extraction.ts";
import type { Terminal } from "../terminal.ts";

type ApplyOptions = OutputOptions & LimitOptions & { readonly json?: boolean; readonly owners?: "apply" | "record" };

/** `strata changeset apply`: layers, one on the other, done to a directory. */
export function configureChangesetApply(command: Command, terminal: Terminal): void {
  command
    .summary("do what layers do to a directory")
    .description(
      "Apply layers to a directory, the lowest first: what they add and change is written, what their whiteouts name is removed. Everything is decided before the first file is touched; nothing outside of DIR ever is.",
    )
    .usage("[options] <layer...> <dir>")
    .argument(
      "<operand...>",
      "layers: tar archives, compressed or not, - for stdin; then the directory, made when it is not there",
    )
    .addOption(
      new Option("--owners <how>", "apply owners, or only record them (default: apply for root)").choices([
        "apply",
        "record",
      ]),
    );
  addLimitOptions(command).option("--json", "print one JSON object");
  addOutputOptions(command)
    .addHelpText(
      "after",
      examples(
        ["strata changeset apply base.tar update.tar rootfs", "two layers"],
        ["curl -L $URL | strata changeset apply - rootfs", "a layer from stdin"],
      ),
    )
    .action(async (operands: string[], options: ApplyOptions) => {
      const [directory, ...layers] = operands.toReversed();
      if (directory === undefined || layers.length === 0) throw directoryMissing();
      const { applyLayers } = await import("../../index.ts");
      const report = await applyLayers(layers.reverse(), directory, {
        owners: options.owners,
        limits: limitsOf(options),
        stdin: terminal.stdin,
        signal: terminal.signal,
      });
      await tellExtraction(terminal, report, options);
    });
}

function directoryMissing(): StrataError {
  return new StrataError({
    code: "invalid-usage",
    kind: "invalid-argument",
    message: "A layer and a directory are needed",
    hint: "strata changeset apply LAYER… DIR",
  });
}
