import { now } from "../base/index.ts";
import type { LoadEvent } from "../index.ts";
import { formatSize } from "./format-size.ts";
import type { Terminal } from "./terminal.ts";

/** One line on stderr that says how far the reading of layers is. */
export interface Progress {
  report(event: LoadEvent): void;
  /** Takes the line away. */
  clear(): Promise<void>;
}

const SILENT: Progress = { report() {}, async clear() {} };
/** Quick work shows nothing. */
const PATIENCE = 400;
const INTERVAL = 100;

/** A progress line where stderr is a terminal and the user does not want quiet; otherwise nothing. */
export function createProgress(terminal: Terminal): Progress {
  if (terminal.isQuiet || !terminal.stderr.isTerminal) return SILENT;
  const layers = new Map<number, { done: number; total: number }>();
  let last = now() + PATIENCE - INTERVAL;
  let isShown = false;
  const draw = (text: string): void => {
    terminal.stderr.text(`\r\x1b[K${text}`);
    // A lost progress line is no loss.
    terminal.stderr.flush().catch(() => {});
  };
  return {
    report(event) {
      if (event.kind !== "layer-progress") return;
      layers.set(event.layer, event);
      if (now() - last < INTERVAL) return;
      last = now();
      isShown = true;
      draw(summary([...layers.values()]));
    },
    async clear() {
      if (isShown) draw("");
    },
  };
}

function summary(layers: readonly { readonly done: number; readonly total: number }[]): string {
  const done = layers.reduce((sum, layer) => sum + layer.done, 0);
  const total = layers.reduce((sum, layer) => sum + layer.total, 0);
  return `reading ${layers.length} layers: ${formatSize(done)} of ${formatSize(total)}`;
}
