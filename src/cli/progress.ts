import { now } from "../base/index.ts";
import type { CheckEvent, LoadEvent, UnpackEvent } from "../index.ts";
import { formatSize } from "./format-size.ts";
import type { Terminal } from "./terminal.ts";

/** One line on stderr that says how far something is. */
export interface Progress<Event> {
  report(event: Event): void;
  /** Takes the line away; the next report shows it again. */
  clear(): Promise<void>;
}

/** Quick work shows nothing. */
const PATIENCE = 400;
const INTERVAL = 100;

/** How far the reading of layers is. */
export function createLoadProgress(terminal: Terminal): Progress<LoadEvent> {
  const layers = new Map<number, { done: number; total: number }>();
  return createProgress(terminal, (event) => {
    if (event.kind === "layer-progress") layers.set(event.layer, event);
    const done = [...layers.values()].reduce((sum, layer) => sum + layer.done, 0);
    const total = [...layers.values()].reduce((sum, layer) => sum + layer.total, 0);
    return `reading ${layers.size} layers: ${formatSize(done)} of ${formatSize(total)}`;
  });
}

/** How far the verification of the store is. */
export function createCheckProgress(terminal: Terminal): Progress<CheckEvent> {
  return createProgress(terminal, ({ kind, done, total }) =>
    kind === "blob"
      ? `verifying: ${formatSize(done)} of ${formatSize(total)}`
      : `comparing snapshots: ${done} of ${total}`,
  );
}

/** How far the unpacking of an image is. */
export function createUnpackProgress(terminal: Terminal): Progress<UnpackEvent> {
  const layers = new Map<number, { bytes: number; size: number }>();
  let committed = 0;
  return createProgress(terminal, (event) => {
    if (event.type === "layer-progress") layers.set(event.layer, event);
    if (event.type === "snapshot" && event.state === "committed") committed++;
    const bytes = [...layers.values()].reduce((sum, layer) => sum + layer.bytes, 0);
    const size = [...layers.values()].reduce((sum, layer) => sum + layer.size, 0);
    return `unpacking ${layers.size} layers: ${formatSize(bytes)} of ${formatSize(size)}, ${committed} snapshots`;
  });
}

/** A line where stderr is a terminal and the user does not want quiet; otherwise nothing. `textOf` sees every event. */
function createProgress<Event>(terminal: Terminal, textOf: (event: Event) => string): Progress<Event> {
  if (terminal.isQuiet || !terminal.stderr.isTerminal) return { report() {}, async clear() {} };
  let last = now() + PATIENCE - INTERVAL;
  let isShown = false;
  const draw = (text: string): void => {
    terminal.stderr.text(`\r\x1b[K${text}`);
    // A lost progress line is no loss.
    terminal.stderr.flush().catch(() => {});
  };
  return {
    report(event) {
      const text = textOf(event);
      if (now() - last < INTERVAL) return;
      last = now();
      isShown = true;
      draw(text);
    },
    async clear() {
      if (isShown) draw("");
    },
  };
}
