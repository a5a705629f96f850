import type { ImageLayer, OpenedDocuments, OpenedImage } from "../index.ts";
import { type ChainId, chainIds, type DiffId, type Digest, explainChainIds } from "../oci/index.ts";
import { formatShare, formatSize } from "./format-size.ts";
import { instructionOf, truncate } from "./instruction.ts";
import { printableText } from "./printable.ts";
import { shortDigest } from "./short-digest.ts";
import { formatTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** A layer as `layers --json` gives it. */
export interface LayerRow {
  /** From 0 at the base. */
  readonly layer: number;
  readonly diffID: DiffId | null;
  readonly chainID: ChainId | null;
  /** Over the stored bytes, where the format tells it. */
  readonly digest: Digest | null;
  readonly mediaType: string | null;
  /** Bytes stored, perhaps compressed. */
  readonly storedSize: number | null;
  /** Bytes of the uncompressed tar; null, like the next two, where the layer was not read. */
  readonly size: number | null;
  readonly entries: number | null;
  /** True for a layer whose tar has no entry. */
  readonly empty: boolean | null;
  /** False for a foreign layer whose bytes are not here. */
  readonly present: boolean;
  readonly createdBy: string | null;
  /** Where a container engine keeps image and layer, in its own words: `image-id`, `cache-id`, `link`, `mount-id` … */
  readonly storage: Readonly<Record<string, string>> | null;
}

/** All layers, base first. */
export function layerRows(image: OpenedImage): LayerRow[] {
  return image.layers.map((layer) => ({
    layer: layer.number,
    diffID: layer.diffId ?? null,
    chainID: layer.chainId ?? null,
    digest: layer.digest ?? null,
    mediaType: layer.mediaType ?? null,
    storedSize: layer.size ?? null,
    size: layerSize(layer),
    entries: layer.index.count,
    empty: layer.index.count === 0 && layer.kind !== "absent",
    present: layer.kind !== "absent",
    createdBy: layer.createdBy ?? null,
    storage: layer.storage === undefined ? null : { ...image.source.storage, ...layer.storage },
  }));
}

/** The same as far as the documents tell, for an image whose layers are not read. */
function documentedLayerRows({ source, history }: OpenedDocuments): LayerRow[] {
  const diffIds = source.layers.flatMap(({ diffId }) => diffId ?? []);
  const chain = diffIds.length === source.layers.length ? chainIds(diffIds) : [];
  return source.layers.map((layer, number) => {
    const descriptor = layer.kind === "listing" ? undefined : layer.descriptor;
    return {
      layer: number,
      diffID: layer.diffId ?? null,
      chainID: chain[number] ?? null,
      digest: descriptor?.digest ?? null,
      mediaType: descriptor?.mediaType ?? null,
      storedSize: descriptor?.size ?? null,
      size: null,
      entries: null,
      empty: null,
      present: layer.kind !== "absent",
      createdBy: history.find((step) => step.layer === number)?.createdBy ?? null,
      storage: layer.storage ?? null,
    };
  });
}

/** What is known of the layers of an image, read or not. */
export function rowsOf(image: OpenedImage | OpenedDocuments): LayerRow[] {
  return "layers" in image ? layerRows(image) : documentedLayerRows(image);
}

/** Bytes of a layer: of its tar, or of the files in it where there is no tar. */
export function layerSize(layer: ImageLayer): number {
  if (layer.kind !== "listing") return layer.tarSize;
  let bytes = 0;
  for (const size of layer.index.columns.size) bytes += size;
  return bytes;
}

const SHORT_INSTRUCTION = 60;

/** The layers as a table. */
export function printLayers(
  terminal: Terminal,
  image: OpenedImage,
  { truncated }: { readonly truncated: boolean },
): void {
  const { style } = terminal;
  const rows = layerRows(image);
  const { storage } = image.source;
  const columns = storage === undefined ? STORED_COLUMNS : STORAGE_COLUMNS;
  const total = rows.reduce((sum, row) => sum + (row.size ?? 0), 0);
  const id = (text: string | null | undefined): string => (truncated ? shortDigest(text ?? "-") : (text ?? "-"));
  const cells = rows.map((row) => [
    style.layer(row.layer, String(row.layer)),
    id(row.diffID),
    id(row.chainID ?? row.storage?.["chain-id"]),
    ...columns.cells(row, id),
    formatSize(row.size ?? 0),
    formatShare(row.size ?? 0, total),
    String(row.entries),
    describe(row, truncated),
  ]);
  const head = ["LAYER", "DIFF ID", "CHAIN ID", ...columns.head, "SIZE", "SHARE", "ENTRIES", "INSTRUCTION"];
  if (storage !== undefined) printStorage(terminal, storage);
  terminal.stdout.text(formatTable([head.map(style.bold), ...cells], `>   ${columns.alignment}>>> `));
}

/** What stands between identity and size: it depends on the place. */
interface MiddleColumns {
  readonly head: readonly string[];
  readonly alignment: string;
  cells(row: LayerRow, id: (text: string | null | undefined) => string): readonly string[];
}

const STORED_COLUMNS: MiddleColumns = {
  head: ["DIGEST", "STORED"],
  alignment: ">",
  cells: ({ digest, storedSize }, id) => [id(digest), storedSize === null ? "-" : formatSize(storedSize)],
};

/** A container engine names its directories by an id of their own and, for overlay mounts, by a short link. */
const STORAGE_COLUMNS: MiddleColumns = {
  head: ["CACHE ID", "LINK"],
  alignment: " ",
  cells: ({ storage }, id) => [id(storage?.["cache-id"] ?? storage?.["layer-id"]), storage?.["link"] ?? "-"],
};

function printStorage({ stdout, style }: Terminal, storage: Readonly<Record<string, string>>): void {
  const lines = Object.entries(storage).map(([name, value]) => [style.bold(name), printableText(value)]);
  stdout.text(`${formatTable(lines, "")}\n`);
}

function describe(row: LayerRow, truncated: boolean): string {
  const instruction = printableText(instructionOf(row.createdBy ?? ""));
  const marks = [row.present ? "" : "(not here)", row.empty === true ? "(empty)" : ""].filter((mark) => mark !== "");
  return [...marks, truncated ? truncate(instruction, SHORT_INSTRUCTION) : instruction].join(" ").trim();
}

/** How each chainID comes about, with the exact text that is hashed. */
export function printChainIds(terminal: Terminal, image: OpenedImage): void {
  const { style } = terminal;
  const diffIds = image.layers.flatMap(({ diffId }) => (diffId === undefined ? [] : [diffId]));
  if (diffIds.length < image.layers.length) {
    terminal.stdout.text("This image does not tell the diffIDs of all its layers, so they have no chainIDs.\n");
    return;
  }
  terminal.stdout.text(
    "A chainID names a layer together with all layers below it.\n" +
      `The text between the quotation marks is hashed as it stands, without a newline; try ${style.bold("printf '%s' TEXT | sha256sum")}.\n`,
  );
  for (const [number, step] of explainChainIds(diffIds).entries()) {
    const name = style.layer(number, `layer ${number}`);
    terminal.stdout.text(`\n${name}\n  diffID   ${step.diffId}\n`);
    if (step.hashed === undefined) terminal.stdout.text("  chainID  = diffID, because nothing lies below\n");
    else terminal.stdout.text(`  chainID  = sha256("${step.hashed}")\n`);
    terminal.stdout.text(`         = ${style.bold(step.chainId)}\n`);
  }
}
