import { relative } from "node:path";
import { cwd } from "node:process";
import type { Command } from "commander";
import { examples } from "../examples.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import { sampleImage } from "../sample-image.ts";
import type { Terminal } from "../terminal.ts";
import { giveTour } from "../tour.ts";
import { withImage } from "../with-image.ts";

/** `strata tour`: an image explained; without one, the sample that comes with the package. */
export function configureTour(command: Command, terminal: Terminal): void {
  command
    .description(
      "Show what an image is made of: its layers and how their ids are computed, the merged tree with the layer of each\n" +
        "file, what each layer did, and what is hidden below. Without an image it shows a small sample.",
    )
    .argument("[image]");
  addImageOptions(command, { hasLayer: false, json: "" })
    .addHelpText(
      "after",
      examples(
        ["strata tour", "the sample"],
        ["strata tour nginx.tar", "your own image"],
        ["docker save app | strata tour -", "from docker"],
      ),
    )
    .action(async (name: string | undefined, options: ImageOptions) => {
      await withImage(
        name ?? sample(),
        { terminal, options, history: true },
        async (image) => await giveTour(terminal, image),
      );
    });
}

/** The sample, as short as it can be written from here. */
function sample(): string {
  const path = sampleImage();
  const short = relative(cwd(), path);
  return short.startsWith("..") ? path : short;
}
