import { now } from "../../base/index.ts";
import type { PullEvent } from "../../index.ts";
import { formatBytes } from "../format-size.ts";
import { shortDigest } from "../short-digest.ts";
import type { Terminal } from "../terminal.ts";
import { transferLines } from "./bars.ts";
import { Speed } from "./speed.ts";
import { TransferState } from "./transfer-state.ts";

/** How a transfer is shown while it runs. */
export interface TransferProgress {
  report(event: PullEvent): void;
  /** Takes away what was only for the moment; waits until all is written. */
  end(): Promise<void>;
}

/** JSON Lines on stdout with `--json`, bars on a terminal, a line for each blob elsewhere, nothing when quiet. */
export function createTransferProgress(terminal: Terminal, options: { readonly json: boolean }): TransferProgress {
  if (options.json) return jsonEvents(terminal);
  if (terminal.isQuiet) return { report() {}, async end() {} };
  return terminal.stderr.isTerminal ? bars(terminal) : lines(terminal);
}

/** Progress within a blob is told at most this often, in milliseconds. */
const INTERVAL = 100;

function jsonEvents(terminal: Terminal): TransferProgress {
  let last = 0;
  return {
    report(event) {
      if (isProgress(event) && Math.abs(now() - last) < INTERVAL && event.bytes < event.size) return;
      last = now();
      terminal.stdout.text(`${JSON.stringify(event)}\n`);
      // Whoever reads the events wants them now; a reader that went away shows at the last flush.
      terminal.stdout.flush().catch(() => {});
    },
    end: () => terminal.stdout.flush(),
  };
}

function isProgress(event: PullEvent): event is Extract<PullEvent, { readonly bytes: number; readonly size: number }> {
  return event.type === "progress" || event.type === "arrival-progress" || event.type === "layer-progress";
}

function lines(terminal: Terminal): TransferProgress {
  const say = (text: string): void => {
    terminal.stderr.text(`${text}\n`);
    terminal.stderr.flush().catch(() => {});
  };
  return {
    report(event) {
      if (event.type === "resolved") say(`${event.digest}: ${event.blobs} blobs, ${formatBytes(event.bytes)}`);
      if (event.type === "blob-done") say(`${shortDigest(event.digest)}: ${event.result}, ${formatBytes(event.size)}`);
      if (event.type === "skipped") say(`skipped ${event.what}: ${event.reason}`);
      if (event.type === "snapshot" && event.state === "committed") say(`${shortDigest(event.chainId)}: unpacked`);
    },
    end: () => terminal.stderr.flush(),
  };
}

function bars(terminal: Terminal): TransferProgress {
  const state = new TransferState();
  const speed = new Speed();
  const frame = new Frame(terminal);
  let last = 0;
  return {
    report(event) {
      state.take(event);
      if (event.type === "skipped") frame.above(`skipped ${event.what}: ${event.reason}`);
      const at = now();
      if (Math.abs(at - last) < INTERVAL) return;
      last = at;
      speed.add(at, state.totals.bytes);
      frame.draw(transferLines(state, speed, { style: terminal.errorStyle, columns: terminal.stderr.columns ?? 80 }));
    },
    async end() {
      frame.draw([]);
      await terminal.stderr.flush();
    },
  };
}

/** Some lines at the end of a terminal that are drawn over and over. */
class Frame {
  readonly #terminal: Terminal;
  #height = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  draw(frameLines: readonly string[]): void {
    const up = this.#height > 0 ? `\x1b[${this.#height}A` : "";
    this.#terminal.stderr.text(`${up}\r\x1b[J${frameLines.map((line) => `${line}\n`).join("")}`);
    this.#height = frameLines.length;
    // A lost frame is no loss.
    this.#terminal.stderr.flush().catch(() => {});
  }

  /** Writes a line that stays. */
  above(line: string): void {
    this.draw([]);
    this.#terminal.stderr.text(`${line}\n`);
  }
}
