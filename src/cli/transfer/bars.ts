import { formatSize } from "../format-size.ts";
import { shortDigest } from "../short-digest.ts";
import type { Style } from "../style.ts";
import { pad } from "../table.ts";
import { formatSeconds, type Speed } from "./speed.ts";
import type { BlobState, TransferState } from "./transfer-state.ts";

/** Blobs that have a bar at once; the others are counted. */
const MOST_BARS = 12;
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

export interface BarsOptions {
  readonly style: Style;
  /** Characters in a line. */
  readonly columns: number;
}

/** The lines that show a transfer now: a bar for each blob under way, and a total with speed and remaining time. */
export function transferLines(state: TransferState, speed: Speed, options: BarsOptions): string[] {
  const { blobs } = state;
  const active = blobs.filter(({ state: at }) => at === "transferring" || at === "converting");
  const lines = active.slice(0, MOST_BARS).map((blob) => blobLine(blob, options));
  const done = blobs.filter(({ state: at }) => at === "done").length;
  const { bytes, size } = state.totals;
  const seconds = speed.secondsFor(size - bytes);
  const parts = [
    `${done} of ${blobs.length} blobs`,
    `${formatSize(bytes)} of ${formatSize(size)}`,
    ...(speed.perSecond === undefined ? [] : [`${formatSize(speed.perSecond)}/s`]),
    ...layersText(state),
    ...(seconds === undefined || bytes >= size ? [] : [`${formatSeconds(seconds)} left`]),
  ];
  return [...lines, parts.join(", ").slice(0, options.columns)];
}

function layersText({ layers: { unpacking, unpacked } }: TransferState): string[] {
  return unpacking + unpacked === 0 ? [] : [`${unpacked} of ${unpacking + unpacked} layers unpacked`];
}

function blobLine(blob: BlobState, { style, columns }: BarsOptions): string {
  const name = `${shortDigest(blob.digest)} ${pad(blob.state === "converting" ? "convert" : blob.what, 7)}`;
  const amount = pad(`${formatSize(blob.bytes)}/${formatSize(blob.size)}`, 11, "right");
  const width = Math.max(0, Math.min(40, columns - name.length - amount.length - 4));
  const share = blob.size === 0 ? 1 : blob.bytes / blob.size;
  return `${style.dim(name)} ${style.cyan(bar(share, width))} ${amount}`;
}

/** A bar of that many characters, filled to an eighth of one. */
export function bar(share: number, width: number): string {
  const eighths = Math.floor(Math.max(0, Math.min(1, share)) * width * 8);
  const full = "█".repeat(eighths >> 3) + (EIGHTHS[eighths & 7] ?? "");
  return full + "░".repeat(Math.max(0, width - full.length));
}
