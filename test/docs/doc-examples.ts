import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** A command line of a `console` block, and what it prints: stdout and stderr as they come. */
export interface ConsoleExample {
  readonly kind: "console";
  readonly page: string;
  readonly line: number;
  readonly command: string;
  readonly output: string;
}

/** A program in a `ts run` block, and what it prints: the `text` block after it, or nothing. */
export interface ProgramExample {
  readonly kind: "program";
  readonly page: string;
  readonly line: number;
  readonly source: string;
  readonly output: string;
}

export type DocExample = ConsoleExample | ProgramExample;

interface Block {
  readonly info: string;
  /** Number of the first line inside, counted from 1. */
  readonly line: number;
  readonly lines: readonly string[];
}

/** The pages whose examples are run, by their path from the root of the project. */
export function pages(): string[] {
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" });
  const below = docs.filter((path) => path.endsWith(".md") && !path.startsWith("api")).sort();
  return ["README.md", ...below.map((path) => join("docs", path))];
}

/** The examples of a page that are to be run, in order. */
export function examplesOf(page: string): DocExample[] {
  const blocks = blocksOf(readFileSync(join(ROOT, page), "utf8"));
  return blocks.flatMap((block, i): DocExample[] => {
    if (block.info === "console") return commandsOf(page, block);
    if (block.info !== "ts run") return [];
    const next = blocks[i + 1];
    const output = next?.info === "text" ? `${next.lines.join("\n")}\n` : "";
    return [{ kind: "program", page, line: block.line, source: `${block.lines.join("\n")}\n`, output }];
  });
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { info: string; line: number; lines: string[] } | undefined;
  for (const [i, line] of text.split("\n").entries()) {
    const fence = /^```(.*)$/.exec(line);
    if (fence === null) open?.lines.push(line);
    else if (open === undefined) open = { info: (fence[1] ?? "").trim(), line: i + 2, lines: [] };
    else {
      blocks.push(open);
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`A fence that opens before line ${open.line} is never closed`);
  return blocks;
}

/** `$ COMMAND`, then its output up to the next command. */
function commandsOf(page: string, { line, lines }: Block): ConsoleExample[] {
  const examples: ConsoleExample[] = [];
  for (const [i, text] of lines.entries()) {
    const last = examples.at(-1);
    if (text.startsWith("$ ")) {
      examples.push({ kind: "console", page, line: line + i, command: text.slice(2), output: "" });
    } else if (last !== undefined) {
      examples[examples.length - 1] = { ...last, output: `${last.output}${text}\n` };
    } else throw new Error(`${page}:${line}: a console block begins with a command: $ strata …`);
  }
  return examples;
}
