import type { Command } from "commander";
import { fromText } from "../../base/index.ts";
import { examples } from "../examples.ts";
import { formatSize } from "../format-size.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import { jsonEntryLine } from "../json-entry.ts";
import { layerTag, nameWithTarget } from "../long-listing.ts";
import { parseCount } from "../parse-numbers.ts";
import { resolvePaths } from "../resolve-paths.ts";
import type { Terminal } from "../terminal.ts";
import { type DrawTreeOptions, drawTree, type TreeLine } from "../tree-drawing.ts";
import { type View, viewOf } from "../view.ts";
import { withImage } from "../with-image.ts";

interface TreeOptions extends ImageOptions {
  readonly depth?: number;
  readonly directories?: boolean;
  readonly size?: boolean;
}

/** `strata tree`: what tree(1) draws, with the layer of each file. */
export function configureTree(command: Command, terminal: Terminal): void {
  command
    .description("Draw files as a tree, with the layer that each comes from.")
    .argument("<image>")
    .argument("[path...]")
    .option("-L, --depth <n>", "levels below the top", parseCount)
    .option("-d, --directories", "directories only")
    .option("-s, --size", "sizes too");
  addImageOptions(command, { json: "print JSON Lines, one object for each file, parents first" })
    .addHelpText(
      "after",
      examples(
        ["strata tree -L 2 nginx.tar", "the first two levels"],
        ["strata tree --size nginx.tar /etc/nginx", "one directory, with sizes"],
        ["strata tree --layer 0 nginx.tar", "the base alone"],
      ),
    )
    .action(async (name: string, paths: string[], options: TreeOptions) => {
      await withImage(name, { terminal, options }, async (image) => {
        const view = viewOf(image, options.layer);
        const wanted = paths.length === 0 ? ["/"] : paths;
        const found = await resolvePaths(view, wanted, { terminal, json: options.json, followLast: true });
        const counts = { directories: 0, files: 0 };
        for (const { slot, path } of found) await print(terminal, view, { slot, path, options, counts });
        if (options.json !== true) terminal.stdout.text(`\n${summary(counts, options)}\n`);
      });
    });
}

interface Printing {
  readonly slot: number;
  readonly path: string;
  readonly options: TreeOptions;
  readonly counts: { directories: number; files: number };
}

async function print(terminal: Terminal, { tree }: View, { slot, path, options, counts }: Printing): Promise<void> {
  const drawing: DrawTreeOptions = {
    ...(options.depth === undefined ? {} : { depth: options.depth }),
    directoriesOnly: options.directories === true,
  };
  for (const line of drawTree(tree, slot, drawing)) {
    if (line.depth > 0) counts[line.node.type === "directory" ? "directories" : "files"]++;
    const label = line.depth === 0 ? fromText(path) : tree.nameOf(line.slot);
    const text =
      options.json === true ? jsonEntryLine(line.path, line.node) : drawn(terminal, { line, label, options });
    terminal.stdout.write(`${text}\n`);
    if (terminal.stdout.isFull) await terminal.stdout.flush();
  }
}

interface Drawn {
  readonly line: TreeLine;
  readonly label: string;
  readonly options: TreeOptions;
}

function drawn(terminal: Terminal, { line: { prefix, node }, label, options }: Drawn): string {
  const tag = layerTag(node);
  const facts = options.size === true ? `[${tag} ${formatSize(node.size).padStart(5)}]` : `[${tag}]`;
  return `${prefix}${terminal.style.layer(node.layer, facts)} ${nameWithTarget({ label, node }, terminal)}`;
}

function summary({ directories, files }: Printing["counts"], options: TreeOptions): string {
  const directoriesText = `${directories} ${directories === 1 ? "directory" : "directories"}`;
  return options.directories === true
    ? directoriesText
    : `${directoriesText}, ${files} ${files === 1 ? "file" : "files"}`;
}
