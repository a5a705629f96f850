import { type ByteString, StrataError } from "../base/index.ts";
import { Output, type OutputStream } from "./output.ts";
import { printable } from "./printable.ts";
import { createStyle, type Style } from "./style.ts";

/** What a command line runs on: the process's own, or a test's. */
export interface TerminalInit {
  readonly stdin: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

export type ColorChoice = "auto" | "always" | "never";

/** How the user wants to be talked to. */
export interface Manner {
  readonly color?: ColorChoice | undefined;
  readonly quiet?: boolean | undefined;
}

const DEFAULT_COLUMNS = 80;

/** Where a command's output goes and how it may look. */
export class Terminal {
  /** Whoever reads it second gets an error, not an empty stream. */
  readonly stdin: TerminalInit["stdin"];
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: TerminalInit["env"];
  readonly signal: AbortSignal;
  #style: Style;
  #errorStyle: Style;
  #quiet = false;
  #exitCode = 0;

  constructor({ stdin, stdout, stderr, env, signal }: TerminalInit) {
    this.stdin = readOnce(stdin);
    this.stdout = new Output(stdout, signal);
    this.stderr = new Output(stderr);
    this.env = env;
    this.signal = signal;
    this.#style = createStyle(this.#wantsColor("auto", this.stdout));
    this.#errorStyle = createStyle(this.#wantsColor("auto", this.stderr));
  }

  /** Colours for stdout; they add nothing where it should not have any. */
  get style(): Style {
    return this.#style;
  }

  /** Colours for stderr. */
  get errorStyle(): Style {
    return this.#errorStyle;
  }

  get isQuiet(): boolean {
    return this.#quiet;
  }

  /** Width of the terminal behind stdout in characters; `undefined` when there is none. */
  get columns(): number | undefined {
    return this.stdout.isTerminal ? (this.stdout.columns ?? DEFAULT_COLUMNS) : undefined;
  }

  /** What the process should exit with when nothing is thrown. */
  get exitCode(): number {
    return this.#exitCode;
  }

  /** Makes the command end with this code; the first one wins. */
  exitWith(code: number): void {
    if (this.#exitCode === 0) this.#exitCode = code;
  }

  adopt({ color = "auto", quiet = false }: Manner): void {
    this.#style = createStyle(this.#wantsColor(color, this.stdout));
    this.#errorStyle = createStyle(this.#wantsColor(color, this.stderr));
    this.#quiet = quiet;
  }

  /** A name as stdout may show it: as it is in a pipe, without control characters on a terminal. */
  name(name: ByteString): ByteString {
    return this.stdout.isTerminal ? printable(name) : name;
  }

  /** One line on stderr that is neither result nor error; nothing when quiet. */
  async note(text: string): Promise<void> {
    if (this.#quiet) return;
    this.stderr.text(`strata: ${text}\n`);
    await this.stderr.flush();
  }

  /** https://no-color.org and https://force-color.org; the option beats both. */
  #wantsColor(choice: ColorChoice, output: Output): boolean {
    if (choice !== "auto") return choice === "always";
    const { NO_COLOR, FORCE_COLOR, TERM } = this.env;
    if (NO_COLOR !== undefined && NO_COLOR !== "") return false;
    if (FORCE_COLOR !== undefined && FORCE_COLOR !== "") return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
    return output.isTerminal && TERM !== "dumb";
  }
}

function readOnce(stdin: TerminalInit["stdin"]): TerminalInit["stdin"] {
  let isRead = false;
  return {
    get isTTY() {
      return stdin.isTTY === true;
    },
    [Symbol.asyncIterator]() {
      if (isRead) throw stdinTwice();
      isRead = true;
      return stdin[Symbol.asyncIterator]();
    },
  };
}

function stdinTwice(): StrataError {
  return new StrataError({
    code: "invalid-usage",
    kind: "invalid-argument",
    message: "Standard input can be read only once, and - stands for it twice",
    hint: "Write one of the two to a file",
  });
}
