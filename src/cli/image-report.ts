import type { OpenedDocuments, OpenedImage } from "../index.ts";
import { formatPlatform, type RunConfig } from "../oci/index.ts";
import { formatSize } from "./format-size.ts";
import { shortDate } from "./history-list.ts";
import { type LayerRow, rowsOf } from "./layer-list.ts";
import { printableText } from "./printable.ts";
import { pad } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** An image as `inspect --json` gives it. */
export interface ImageReport {
  readonly reference: string;
  readonly transport: string;
  readonly names: readonly string[];
  readonly manifest: { readonly digest: string; readonly mediaType: string; readonly size: number } | null;
  readonly config: {
    readonly digest: string;
    readonly mediaType: string;
    readonly size: number;
    /** True where the place has no configuration and this one was made up. */
    readonly synthetic: boolean;
  };
  readonly platform: string | null;
  readonly created: string | null;
  readonly author: string | null;
  /** Bytes of all layers, decompressed; null where they were not read. */
  readonly size: number | null;
  /** Bytes of all layers as they are stored; null where not all tell. */
  readonly storedSize: number | null;
  readonly layers: readonly LayerRow[];
  /** The `config` object of the configuration, as it is there. */
  readonly run: RunConfig;
  readonly skipped: readonly { readonly what: string; readonly reason: string }[];
}

export function imageReport(image: OpenedImage | OpenedDocuments): ImageReport {
  const { reference, transport, names, manifest, config, platform, skipped } = image.source;
  const layers = rowsOf(image);
  return {
    reference,
    transport,
    names,
    manifest: manifest === undefined ? null : summary(manifest),
    config: { ...summary(config), synthetic: config.isSynthetic },
    platform: platform === undefined ? null : formatPlatform(platform),
    created: config.value.created ?? null,
    author: config.value.author ?? null,
    size: sumOf(layers.map(({ size }) => size)),
    storedSize: sumOf(layers.map(({ storedSize }) => storedSize)),
    layers,
    run: config.value.config ?? {},
    skipped,
  };
}

/** Null as soon as one is not known. */
function sumOf(sizes: readonly (number | null)[]): number | null {
  return sizes.reduce<number | null>((sum, size) => (sum === null || size === null ? null : sum + size), 0);
}

interface Document {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

function summary({ digest, mediaType, bytes }: Document): { digest: string; mediaType: string; size: number } {
  return { digest, mediaType, size: bytes.length };
}

/** The report for people. What the image does not say is left out. */
export function printImageReport(terminal: Terminal, image: OpenedImage | OpenedDocuments): void {
  const report = imageReport(image);
  section(terminal, [
    ["image", report.reference],
    ["names", report.names.join(", ")],
    ["transport", report.transport],
    ["platform", report.platform ?? ""],
    ["created", shortDate(report.created).replace(/^-$/, "")],
    ["author", report.author ?? ""],
    ["manifest", report.manifest?.digest ?? ""],
    ["config", report.config.digest + (report.config.synthetic ? " (made up: the place has none)" : "")],
    ["size", sizeText(report)],
    ["files", "tree" in image ? String(countFiles(image)) : ""],
  ]);
  section(terminal, runLines(report.run));
  if (report.skipped.length === 0) return;
  section(
    terminal,
    report.skipped.map(({ what, reason }) => ["skipped", `${what}: ${reason}`]),
  );
}

function sizeText({ layers, size, storedSize }: ImageReport): string {
  const count = `${layers.length} ${layers.length === 1 ? "layer" : "layers"}`;
  const stored = storedSize === null ? [] : [`${formatSize(storedSize)} stored`];
  return [...(size === null ? [count] : [`${formatSize(size)} in ${count}`]), ...stored].join(", ");
}

function countFiles(image: OpenedImage): number {
  let count = 0;
  for (const _ of image.tree.walk()) count++;
  return count - 1;
}

type Line = readonly [name: string, value: string];

function runLines(run: RunConfig): Line[] {
  const words = (list: readonly string[] | undefined): string => (list === undefined ? "" : JSON.stringify(list));
  const keys = (record: Readonly<Record<string, unknown>> | undefined): string => Object.keys(record ?? {}).join(" ");
  return [
    ["entrypoint", words(run.Entrypoint)],
    ["cmd", words(run.Cmd)],
    ["user", run.User ?? ""],
    ["workdir", run.WorkingDir ?? ""],
    ...(run.Env ?? []).map((value): Line => ["env", value]),
    ["ports", keys(run.ExposedPorts)],
    ["volumes", keys(run.Volumes)],
    ["stop signal", run.StopSignal ?? ""],
    ["shell", words(run.Shell)],
    ["healthcheck", run.Healthcheck === undefined ? "" : JSON.stringify(run.Healthcheck)],
    ...Object.entries(run.Labels ?? {}).map(([name, value]): Line => ["label", `${name}=${value}`]),
  ];
}

const NAME_WIDTH = 13;

/** Lines with their names in a column; a name that repeats is said once. */
function section({ stdout, style }: Terminal, lines: readonly Line[]): void {
  let before = "";
  for (const [name, value] of lines.filter(([, value]) => value !== "")) {
    stdout.text(`${style.dim(pad(name === before ? "" : name, NAME_WIDTH))}${printableText(value)}\n`);
    before = name;
  }
}
