import type { Command } from "commander";
import { Option } from "commander";
import { changeJson, changeLine } from "../change-line.ts";
import { examples } from "../examples.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import { tellNotices } from "../tell-notices.ts";
import type { Terminal } from "../terminal.ts";
import { placeOptions } from "../with-image.ts";

type DiffOptions = ImageOptions & {
  readonly details?: boolean;
  readonly contents?: "unsure" | "always";
};

/** `strata diff`: what makes the second tree out of the first. */
export function configureDiff(command: Command, terminal: Terminal): void {
  command
    .description(
      "Show what differs between two trees, directories or images in any mix: A added, C changed, D deleted. Exits with 1 when something does.",
    )
    .argument("<before>", "a directory, or any image")
    .argument("<after>", "a directory, or any image")
    .option("--details", "tell what differs of each changed file")
    .addOption(
      new Option("--contents <when>", "read files of equal size and time")
        .choices(["unsure", "always"])
        .default("unsure"),
    );
  addImageOptions(command, { hasLayer: false, json: "print JSON Lines, one object for each change" })
    .addHelpText(
      "after",
      examples(
        ["strata diff rootfs.old rootfs", "two directories"],
        ["strata diff debian:12.4 debian:12.5", "two images"],
        ["strata diff --details app:1 dir:rootfs", "an image and a directory"],
      ),
    )
    .action(async (before: string, after: string, options: DiffOptions) => {
      const { diffTrees } = await import("../../index.ts");
      const { contents } = options;
      const difference = await diffTrees(before, after, { ...placeOptions(options, terminal), contents });
      await tellNotices(terminal, difference.notices);
      if (!difference.isEmpty) terminal.exitWith(1);
      for (const change of difference.changes()) {
        if (options.json === true) terminal.stdout.text(changeJson(change));
        else terminal.stdout.write(changeLine(terminal, change, { hasDetails: options.details === true }));
        if (terminal.stdout.isFull) await terminal.stdout.flush();
      }
    });
}
