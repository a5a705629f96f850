import { toText } from "../base/index.ts";
import type { ImageLayer, OpenedImage } from "../index.ts";
import { explainChainId, formatPlatform } from "../oci/index.ts";
import type { LayerChange } from "../union/index.ts";
import { type Accounts, readAccounts } from "./accounts.ts";
import { CHANGE_LETTERS, describeChange } from "./describe-change.ts";
import { formatMode } from "./format-mode.ts";
import { formatBytes, formatShare, formatSize } from "./format-size.ts";
import { type HiddenFile, hiddenFiles } from "./hidden-files.ts";
import { instructionOf, truncate } from "./instruction.ts";
import { layerSize } from "./layer-list.ts";
import { layerTag, nameWithTarget } from "./long-listing.ts";
import { printableText } from "./printable.ts";
import { pad, widthOf } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { drawTree, type TreeLine } from "./tree-drawing.ts";
import { viewOf } from "./view.ts";

const WIDTH = 100;
/** Beyond so many files the tree shows only its upper levels. */
const WHOLE_TREE = 80;
const SHOWN_CHILDREN = 12;
const SHOWN_CHANGES = 14;
const SHOWN_HIDDEN = 12;

/** Shows what an image is made of, in four parts, each with the words that explain it. At most 100 columns wide. */
export async function giveTour(terminal: Terminal, image: OpenedImage): Promise<void> {
  const tour = new Tour(terminal, image, await readAccounts(viewOf(image, undefined)));
  tour.title();
  tour.layers();
  await terminal.stdout.flush();
  tour.tree();
  await terminal.stdout.flush();
  await tour.changes();
  tour.hidden();
}

class Tour {
  readonly #terminal: Terminal;
  readonly #image: OpenedImage;
  readonly #accounts: Accounts;

  constructor(terminal: Terminal, image: OpenedImage, accounts: Accounts) {
    this.#terminal = terminal;
    this.#image = image;
    this.#accounts = accounts;
  }

  title(): void {
    const { source, layers } = this.#image;
    const { style } = this.#terminal;
    const size = layers.reduce((sum, layer) => sum + layerSize(layer), 0);
    const platform = source.platform === undefined ? [] : [formatPlatform(source.platform)];
    const facts = [
      source.transport,
      ...platform,
      `${layers.length} ${layers.length === 1 ? "layer" : "layers"}`,
      formatSize(size),
    ];
    this.#line(style.bold(printableText(source.names[0] ?? source.reference)));
    this.#line(style.dim(facts.join(", ")));
  }

  layers(): void {
    this.#heading(
      "The layers",
      "A layer is a tar of files. Its diffID is the sha256 of that tar, uncompressed. Its chainID names",
      "the layer together with everything below it: the sha256 of the chainID below, one blank, and its",
      "own diffID, as text.",
    );
    const total = this.#image.layers.reduce((sum, layer) => sum + layerSize(layer), 0);
    for (const layer of this.#image.layers) this.#layer(layer, total);
  }

  #layer(layer: ImageLayer, total: number): void {
    const { style } = this.#terminal;
    const { number, diffId, chainId, index, kind } = layer;
    const facts = `${index.count} entries, ${formatSize(layerSize(layer))}, ${formatShare(layerSize(layer), total)} of the image`;
    this.#line();
    this.#layerTitle(number);
    this.#line(style.dim(`  ${kind === "absent" ? "its bytes are not here" : facts}`));
    if (diffId === undefined || chainId === undefined) return;
    this.#line(`  diffID   ${diffId}`);
    const { parent } = explainChainId(this.#image.layers[number - 1]?.chainId, diffId);
    if (parent === undefined) {
      this.#line(`  chainID  ${style.bold(chainId)}`);
      this.#line(style.dim("           = diffID, because nothing lies below"));
      return;
    }
    this.#line(`  chainID  ${style.bold(chainId)}`);
    this.#line(style.dim(`           = sha256("${parent}`));
    this.#line(style.dim(`                     ${diffId}")`));
  }

  #layerTitle(number: number): void {
    const { style } = this.#terminal;
    const name = `layer ${number}`;
    const instruction = printableText(instructionOf(this.#image.layers[number]?.createdBy ?? ""));
    const rest = instruction === "" ? "" : `  ${truncate(instruction, WIDTH - name.length - 2)}`;
    this.#line(style.layer(number, style.bold(name)) + rest);
  }

  tree(): void {
    const { tree } = this.#image;
    let count = 0;
    for (const _ of tree.walk()) if (++count > WHOLE_TREE) break;
    const isWhole = count <= WHOLE_TREE;
    const limits = isWhole ? {} : { depth: 2, maxChildren: SHOWN_CHILDREN };
    this.#heading(
      "The merged tree",
      "What a container sees: all layers, one over the other. Each file comes from one layer, the topmost",
      "that has it; what lower layers have at the same path is hidden.",
    );
    this.#line();
    for (const line of drawTree(tree, tree.root, limits)) this.#treeLine(line);
    if (!isWhole) this.#line(this.#terminal.style.dim("(two levels; `strata tree IMAGE [PATH]` draws the rest)"));
  }

  #treeLine({ prefix, node, slot, depth, omitted }: TreeLine): void {
    const { style } = this.#terminal;
    const label = depth === 0 ? "/" : this.#image.tree.nameOf(slot);
    const left = toText(`${prefix}${nameWithTarget({ label, node }, this.#terminal)}`);
    const owner = `${this.#name("users", node.uid)}:${this.#name("groups", node.gid)}`;
    const size = node.type === "file" ? formatSize(node.size) : "";
    const more = omitted === 0 ? "" : style.dim(`  ${omitted} more`);
    const tag = style.layer(node.layer, pad(layerTag(node), 4));
    const facts = style.dim(`${formatMode(node)}  ${pad(owner, 11)} ${pad(size, 5, "right")}`);
    this.#line(`  ${tag}${facts}  ${left}${more}`);
  }

  #name(key: keyof Accounts, id: number): string {
    const name = this.#accounts[key].get(id);
    return truncate(name === undefined ? String(id) : printableText(toText(name)), 8);
  }

  async changes(): Promise<void> {
    this.#heading(
      "What each layer did",
      "A layer can only add entries. An entry for a path that exists replaces it whole. A file .wh.NAME, a",
      "whiteout, deletes NAME below; .wh..wh..opq, an opaque marker, hides all that lower layers have in",
      "its directory. A adds, C changes, D deletes.",
    );
    for (const { number } of this.#image.layers) {
      this.#line();
      this.#layerTitle(number);
      await this.#changesOf(number);
      await this.#terminal.stdout.flush();
    }
  }

  async #changesOf(layer: number): Promise<void> {
    const { style } = this.#terminal;
    const counts = countKinds(this.#image.provenance.changes(layer));
    const total = counts.add + counts.modify + counts.delete;
    // Of many, the directories are the least telling.
    const isShort = total <= SHOWN_CHANGES;
    let shown = 0;
    for await (const change of this.#image.changes(layer)) {
      if (shown === SHOWN_CHANGES) break;
      if (change.cause === "implied" || (!isShort && isNewDirectory(change))) continue;
      shown++;
      const path = keepEnd(printableText(toText(`/${change.path}`)), 38);
      const what = truncate(describeChange(this.#image, change), WIDTH - 44);
      this.#line(`  ${style.layer(layer, CHANGE_LETTERS[change.kind])} ${pad(path, 38)}  ${style.dim(what)}`);
    }
    if (total === 0) this.#line(style.dim("  nothing"));
    if (isShort) return;
    const summary = `${counts.add} added, ${counts.modify} changed, ${counts.delete} deleted`;
    this.#line(style.dim(`  … ${summary}, with directories; \`strata blame -r IMAGE /\` lists them`));
  }

  hidden(): void {
    const { style } = this.#terminal;
    const files = hiddenFiles(this.#image.provenance);
    const bytes = files.reduce((sum, { node }) => sum + node.size, 0);
    const isAre = files.length === 1 ? "file is" : "files are";
    const explanation = [
      `${files.length} ${isAre} stored in lower layers and no longer in the view: ${formatBytes(bytes)} in all.`,
      "Deleting saves no space and keeps no secret: whoever has the image has these files too.",
    ];
    const nothing = ["Nothing: every file of every layer is in the view."];
    this.#heading("What is hidden below", ...(files.length === 0 ? nothing : explanation));
    if (files.length === 0) return;
    this.#line();
    const largest = files.toSorted((a, b) => b.node.size - a.node.size).slice(0, SHOWN_HIDDEN);
    for (const file of largest) this.#hiddenLine(file);
    if (files.length > largest.length) this.#line(style.dim(`  … and ${files.length - largest.length} smaller ones`));
    const readable = largest.filter(({ node }) => node.type === "file");
    const example = readable.find(({ hiddenBy }) => hiddenBy.kind === "delete") ?? readable[0];
    if (example === undefined) return;
    const path = printableText(toText(`/${example.path}`));
    this.#line();
    this.#line(`Look at one:  strata cat --layer ${example.node.layer} ${this.#image.source.reference} ${path}`);
  }

  #hiddenLine({ path, node, hiddenBy }: HiddenFile): void {
    const { style } = this.#terminal;
    const name = keepEnd(printableText(toText(`/${path}`)), 50);
    const how = hiddenBy.kind === "delete" ? "deleted" : "replaced";
    const by = style.layer(hiddenBy.layer, `${how} by layer ${hiddenBy.layer}`);
    const from = style.layer(node.layer, pad(layerTag(node), 4));
    this.#line(`  ${from}${pad(name, 50)}  ${pad(formatSize(node.size), 6, "right")}  ${by}`);
  }

  #heading(title: string, ...explanation: readonly string[]): void {
    const { style } = this.#terminal;
    this.#line();
    this.#line(style.bold(title));
    this.#line(style.dim("─".repeat(widthOf(title))));
    for (const line of explanation) this.#line(line);
  }

  #line(text = ""): void {
    this.#terminal.stdout.text(`${text}\n`);
  }
}

function isNewDirectory({ kind, after }: Pick<LayerChange, "kind" | "after">): boolean {
  return kind === "add" && after?.type === "directory";
}

function countKinds(changes: Iterable<LayerChange>): Record<LayerChange["kind"], number> {
  const counts = { add: 0, modify: 0, delete: 0 };
  for (const { kind } of changes) counts[kind]++;
  return counts;
}

/** A path that keeps its end when it is too long, because the end tells most. */
function keepEnd(path: string, width: number): string {
  const characters = [...path];
  return characters.length <= width ? path : `…${characters.slice(characters.length - width + 1).join("")}`;
}
