import type { Command } from "commander";
import { blameJson, blameReport, recursiveBlame } from "../blame-report.ts";
import { examples } from "../examples.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import type { Terminal } from "../terminal.ts";
import { viewOf } from "../view.ts";
import { withImage } from "../with-image.ts";

type BlameOptions = ImageOptions & { readonly recursive?: boolean };

/** `strata blame`: the story of a path. */
export function configureBlame(command: Command, terminal: Terminal): void {
  command
    .description(
      "Show what each layer did to a path, with the instruction, and what lies hidden below. Works for paths that are gone.",
    )
    .argument("<image>")
    .argument("<path...>")
    .option("-r, --recursive", "one line for each path below, those that are gone too");
  addImageOptions(command, { json: "print JSON Lines, one object for each path" })
    .addHelpText(
      "after",
      examples(
        ["strata blame nginx.tar /etc/passwd", "one file"],
        ["strata blame app.tar /app/deploy.key", "a file that was deleted"],
        ["strata blame -r app.tar /var/cache", "everything that ever was below"],
      ),
    )
    .action(async (name: string, paths: string[], options: BlameOptions) => {
      await withImage(name, { terminal, options, spool: "eager", history: true }, async (image) => {
        const view = viewOf(image, options.layer);
        for (const [i, path] of paths.entries()) {
          if (options.recursive === true) {
            await recursiveBlame(terminal, view, { path, json: options.json === true });
          } else if (options.json === true) {
            terminal.stdout.text(`${JSON.stringify(await blameJson(view, path))}\n`);
          } else {
            if (i > 0) terminal.stdout.text("\n");
            terminal.stdout.text(await blameReport(terminal.style, view, path));
          }
        }
      });
    });
}
