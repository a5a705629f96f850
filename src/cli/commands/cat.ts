import type { Command } from "commander";
import { examples } from "../examples.ts";
import { openContent } from "../file-content.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import { resolvePaths } from "../resolve-paths.ts";
import type { Terminal } from "../terminal.ts";
import { viewOf } from "../view.ts";
import { withImage } from "../with-image.ts";

/** `strata cat`: the bytes of files. */
export function configureCat(command: Command, terminal: Terminal): void {
  command
    .description("Print the content of files, byte for byte. Symlinks are followed inside the image.")
    .argument("<image>")
    .argument("<path...>");
  addImageOptions(command, { json: "" })
    .addHelpText(
      "after",
      examples(
        ["strata cat nginx.tar /etc/os-release", "one file"],
        ["strata cat --layer 3 app.tar /app/deploy.key", "a file that a later layer removed"],
        ["strata cat nginx.tar /usr/sbin/nginx | sha256sum", "any bytes"],
      ),
    )
    .action(async (name: string, paths: string[], options: ImageOptions) => {
      await withImage(name, { terminal, options }, async (image) => {
        const view = viewOf(image, options.layer);
        for (const { slot } of await resolvePaths(view, paths, { terminal, followLast: true })) {
          await using content = await openContent(view, slot);
          for await (const chunk of content.stream({ signal: terminal.signal })) await terminal.stdout.send(chunk);
        }
      });
    });
}
