import type { Command } from "commander";
import { StrataError } from "../../base/index.ts";
import { exportTree } from "../../fs/index.ts";
import { writeFileAtomically } from "../../transport/index.ts";
import { examples } from "../examples.ts";
import { contentsOf } from "../file-content.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import type { Terminal } from "../terminal.ts";
import { findPath, viewOf } from "../view.ts";
import { withImage } from "../with-image.ts";

type ExportOptions = ImageOptions & { readonly output?: string };

/** `strata export`: the view as one tar, as `docker export` writes it of a container. */
export function configureExport(command: Command, terminal: Terminal): void {
  command
    .description(
      "Write the merged file system as one tar archive: hardlinks, extended attributes and nanoseconds kept, owners by\n" +
        "number, the same bytes on every run.",
    )
    .argument("<image>")
    .argument("[path]", "only this file or directory; names stay relative to the image's root")
    .option("-o, --output <file>", "write there instead of to stdout; it appears complete or not at all");
  addImageOptions(command, { json: "" })
    .addHelpText(
      "after",
      examples(
        ["strata export -o rootfs.tar nginx.tar", "a file"],
        ["strata export nginx.tar | tar -x -C rootfs", "unpacked by tar"],
        ["strata export --layer 0 nginx.tar /etc | tar -t", "a part of the base"],
      ),
    )
    .action(async (name: string, path: string | undefined, options: ExportOptions) => {
      const { output = "-" } = options;
      if (output === "-" && terminal.stdout.isTerminal) throw outputIsTerminal();
      await withImage(name, { terminal, options, spool: "eager" }, async (image) => {
        const view = viewOf(image, options.layer);
        const top = path === undefined ? view.tree.root : findPath(view, path, { followLast: false });
        const chunks = exportTree(view.tree, contentsOf(image), { top, signal: terminal.signal });
        if (output !== "-") return await writeFileAtomically(output, chunks);
        for await (const chunk of chunks) await terminal.stdout.send(chunk);
      });
    });
}

/** A tar on a terminal helps nobody and may harm the terminal. */
export function outputIsTerminal(): StrataError {
  return new StrataError({
    code: "output-is-terminal",
    kind: "invalid-argument",
    message: "Refusing to write a tar archive to the terminal",
    hint: "Redirect the output, or name a file",
  });
}
