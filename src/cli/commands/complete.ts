import type { Command } from "commander";
import { fromText } from "../../base/index.ts";
import type { MergedTree } from "../../union/index.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import type { Terminal } from "../terminal.ts";
import { viewOf } from "../view.ts";
import { withImage } from "../with-image.ts";

/** `strata __complete IMAGE BEGINNING`: the paths inside an image that begin so, one a line, directories with a slash. */
export function configureComplete(command: Command, terminal: Terminal): void {
  command.description("List the paths inside an image that begin so.").argument("<image>").argument("[beginning]");
  addImageOptions(command, { json: "" }).action(
    async (name: string, beginning: string | undefined, options: ImageOptions) => {
      // A shell cannot wait for verification, and its user sees only names.
      await withImage(name, { terminal, options: { ...options, verify: false, quiet: true } }, async (image) => {
        const { tree } = viewOf(image, options.layer);
        await printPaths(terminal, tree, beginning ?? "");
      });
    },
  );
}

async function printPaths({ stdout }: Terminal, tree: MergedTree, beginning: string): Promise<void> {
  const typed = fromText(beginning.startsWith("/") ? beginning : `/${beginning}`);
  const head = typed.slice(0, typed.lastIndexOf("/") + 1);
  const directory = tree.find(head, { followLast: true });
  if (directory < 0 || !tree.isDirectory(directory)) return;
  for (const slot of tree.children(directory)) {
    const path = head + tree.nameOf(slot);
    if (path.startsWith(typed)) stdout.write(`${path}${tree.isDirectory(slot) ? "/" : ""}\n`);
    if (stdout.isFull) await stdout.flush();
  }
}
