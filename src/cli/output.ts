import { assertNotAborted, type ByteString, fromText } from "../base/index.ts";
import { ByteText } from "./byte-text.ts";

/** The part of a Node stream that output needs. */
export interface OutputStream {
  write(chunk: Uint8Array, done: (error?: Error | null) => void): boolean;
  on(event: "error", listener: (error: Error) => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** The reader went away (`| head`): there is nobody left to tell, and nothing went wrong. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

const BATCH = 256 * 1024;
/** Lines are encoded together: many short strings cost more calls, one long string is a tree that the collector carries on. */
const PIECE = 8 * 1024;
/** Room beyond a full batch, so that the piece that fills it rarely needs more. */
const SLACK = 2 * PIECE;

/**
 * A stream that lines are written to: gathered in memory, sent in large pieces, each waited for.
 * Write as much as you like, but call {@link Output.flush} whenever {@link Output.isFull}.
 */
export class Output {
  readonly isTerminal: boolean;
  readonly #stream: OutputStream;
  readonly #signal: AbortSignal | undefined;
  /** What was written last, not yet among the bytes. */
  #text: ByteString = "";
  #pending: ByteText | undefined;

  constructor(stream: OutputStream, signal?: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
    this.isTerminal = stream.isTTY === true;
    // Errors also arrive at the callback of each write; without a listener they would end the process.
    stream.on("error", () => {});
  }

  get columns(): number | undefined {
    return this.#stream.columns;
  }

  /** Adds bytes. */
  write(bytes: ByteString): void {
    this.#text += bytes;
    if (this.#text.length >= PIECE) this.#encode();
  }

  /** Adds text, as UTF-8. */
  text(text: string): void {
    this.write(fromText(text));
  }

  get isFull(): boolean {
    return this.#pending !== undefined && this.#pending.length >= BATCH;
  }

  /**
   * Sends what was written and waits until the stream has taken it.
   * @throws OutputClosed when nobody reads any more; StrataError `aborted` when the signal has fired
   */
  async flush(): Promise<void> {
    this.#encode();
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending !== undefined) await this.#send(pending.view());
  }

  /** Sends bytes that are not gathered, after what was written before. */
  async send(chunk: Uint8Array): Promise<void> {
    await this.flush();
    await this.#send(chunk);
  }

  #encode(): void {
    if (this.#text === "") return;
    this.#pending ??= new ByteText(BATCH + SLACK);
    this.#pending.write(this.#text);
    this.#text = "";
  }

  async #send(chunk: Uint8Array): Promise<void> {
    assertNotAborted(this.#signal);
    await new Promise<void>((resolve, reject) => {
      this.#stream.write(chunk, (error) => {
        if (error === undefined || error === null) resolve();
        else reject(isClosed(error) ? new OutputClosed(undefined, { cause: error }) : error);
      });
    });
  }
}

const CLOSED = new Set(["EPIPE", "ERR_STREAM_DESTROYED", "ECONNRESET"]);

function isClosed(error: Error & { readonly code?: unknown }): boolean {
  return typeof error.code === "string" && CLOSED.has(error.code);
}
