import type { Command } from "commander";
import { diskUsage, type Usage } from "../disk-usage.ts";
import { examples } from "../examples.ts";
import { formatSize } from "../format-size.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import { jsonName } from "../json-entry.ts";
import { layerTag } from "../long-listing.ts";
import { parseCount } from "../parse-numbers.ts";
import { resolvePaths } from "../resolve-paths.ts";
import { pad } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { type View, viewOf } from "../view.ts";
import { withImage } from "../with-image.ts";

interface DuOptions extends ImageOptions {
  readonly humanReadable?: boolean;
  readonly summarize?: boolean;
  readonly all?: boolean;
  readonly maxDepth?: number;
  readonly layers?: boolean;
  readonly total?: boolean;
}

/** `strata du`: how much lies where, and which layer it comes from. */
export function configureDu(command: Command, terminal: Terminal): void {
  command
    .description(
      "Show how many bytes of content the view has, directory by directory. Each file counts once, however many names it\n" +
        "has. What later layers hide does not count: `strata layers` shows what is stored.",
    )
    .argument("<image>")
    .argument("[path...]")
    .option("-h, --human-readable", "sizes such as 4.1K and 23M")
    .option("-s, --summarize", "only one line for each path")
    .option("-a, --all", "files too")
    .option("-d, --max-depth <n>", "only so many levels below the path", parseCount)
    .option("-c, --total", "a total at the end")
    .option("--layers", "one column for each layer");
  addImageOptions(command, { json: "print JSON Lines, one object for each line" })
    .addHelpText(
      "after",
      examples(
        ["strata du -h -d 1 nginx.tar", "the directories of the root"],
        ["strata du -s --layers app.tar /usr /app", "which layer brings how much"],
        ["strata du -a nginx.tar | sort -n | tail", "the largest files"],
      ),
    )
    .action(async (name: string, paths: string[], options: DuOptions) => {
      await withImage(name, { terminal, options }, async (image) => {
        await print(terminal, viewOf(image, options.layer), { paths, options });
      });
    });
}

async function print(
  terminal: Terminal,
  view: View,
  { paths, options }: { readonly paths: readonly string[]; readonly options: DuOptions },
): Promise<void> {
  const { stdout } = terminal;
  const wanted = paths.length === 0 ? ["/"] : paths;
  const found = await resolvePaths(view, wanted, { terminal, json: options.json, followLast: true });
  const seen = new Set<number>();
  const format = options.json === true ? jsonLine : lineFormat(terminal, view, options);
  const total = { bytes: 0, byLayer: view.tree.layers.map(() => 0) };
  if (options.layers === true && options.json !== true) stdout.text(headLine(terminal, view));
  for (const { slot } of found) {
    for (const usage of diskUsage(view.tree, slot, seen)) {
      if (usage.depth === 0) add(total, usage);
      if (!isShown(usage, options)) continue;
      stdout.write(`${format(usage, `/${usage.path}`)}\n`);
      if (stdout.isFull) await stdout.flush();
    }
  }
  if (options.total === true && options.json !== true) stdout.write(`${format(total, "total")}\n`);
}

function add(total: { bytes: number; byLayer: number[] }, { bytes, byLayer }: Usage): void {
  total.bytes += bytes;
  for (const [layer, share] of byLayer.entries()) total.byLayer[layer] = (total.byLayer[layer] ?? 0) + share;
}

function isShown({ depth, node }: Usage, { all, summarize, maxDepth }: DuOptions): boolean {
  if (depth === 0) return true;
  if (summarize === true || depth > (maxDepth ?? Number.POSITIVE_INFINITY)) return false;
  return all === true || node.type === "directory";
}

type Sums = Pick<Usage, "bytes" | "byLayer">;

function jsonLine({ bytes, byLayer }: Sums, path: string): string {
  return `{${jsonName("path", path)},"size":${bytes},"byLayer":[${byLayer.join(",")}]}`;
}

const WIDTH = 10;

function lineFormat(
  terminal: Terminal,
  view: View,
  { humanReadable = false, layers = false }: DuOptions,
): (usage: Sums, path: string) => string {
  const size = (bytes: number): string => (humanReadable ? formatSize(bytes) : String(bytes));
  return ({ bytes, byLayer }, path) => {
    const name = terminal.name(path);
    if (!layers) return `${size(bytes)}\t${name}`;
    const columns = view.tree.layers.map((_, i) => {
      const share = byLayer[i] ?? 0;
      return terminal.style.layer(i, pad(share === 0 ? "-" : size(share), WIDTH, "right"));
    });
    return `${pad(size(bytes), WIDTH, "right")}${columns.join("")}  ${name}`;
  };
}

function headLine({ style }: Terminal, { tree }: View): string {
  const columns = tree.layers.map((_, layer) => pad(layerTag({ layer }), WIDTH, "right"));
  return `${style.bold(`${pad("TOTAL", WIDTH, "right")}${columns.join("")}  PATH`)}\n`;
}
