import type { OpenedDocuments, OpenedImage } from "../index.ts";
import { formatSize } from "./format-size.ts";
import { instructionOf, truncate } from "./instruction.ts";
import { rowsOf } from "./layer-list.ts";
import { printableText } from "./printable.ts";
import { formatTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** A step as `history --json` gives it. */
export interface HistoryRow {
  /** Number of the layer that the step made; null for a step that only changed the configuration. */
  readonly layer: number | null;
  readonly created: string | null;
  readonly createdBy: string | null;
  /** Bytes of the layer's tar; null where it was not read. */
  readonly size: number | null;
  readonly emptyLayer: boolean;
  readonly author: string | null;
  readonly comment: string | null;
}

/** All steps, newest first. */
export function historyRows(image: OpenedImage | OpenedDocuments): HistoryRow[] {
  const layers = rowsOf(image);
  const rows = image.history.map(({ layer, created, createdBy, author, comment }) => ({
    layer: layer ?? null,
    created: created ?? null,
    createdBy: createdBy ?? null,
    size: layer === undefined ? 0 : (layers[layer]?.size ?? null),
    emptyLayer: layer === undefined,
    author: author ?? null,
    comment: comment ?? null,
  }));
  return rows.reverse();
}

const SHORT_INSTRUCTION = 76;

/** The steps as a table. */
export function printHistory(
  terminal: Terminal,
  image: OpenedImage | OpenedDocuments,
  { truncated }: { readonly truncated: boolean },
): void {
  const { style } = terminal;
  const cells = historyRows(image).map(({ layer, created, createdBy, size, comment }) => {
    const full = printableText(createdBy ?? "");
    const cell = truncated ? truncate(instructionOf(full), SHORT_INSTRUCTION) : full;
    return [
      layer === null ? style.dim("empty") : style.layer(layer, String(layer)),
      shortDate(created),
      layer === null || size === null ? "-" : formatSize(size),
      cell,
      printableText(truncated ? truncate(comment ?? "", 24) : (comment ?? "")),
    ];
  });
  const head = ["LAYER", "CREATED", "SIZE", "CREATED BY", "COMMENT"].map(style.bold);
  terminal.stdout.text(formatTable([head, ...cells], "> >  "));
}

/** `2023-11-14 22:13:20` of an RFC 3339 time, whose zone is nearly always UTC. */
export function shortDate(created: string | null): string {
  if (created === null) return "-";
  return printableText(created.replace("T", " ").replace(/(?:\.[0-9]+)?Z$/, ""));
}
