import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/setup.mjs";

/** An example of the documentation that can be run, and what the page says it prints. */
export interface DocExample {
  /**
   * - `console`: a command line of a `console` block, behind `$ `; its output is what follows, up to the next command.
   * - `program`: the TypeScript of a block `ts run`; its output is the `text` block after it, or nothing.
   */
  readonly kind: "console" | "program";
  /** It mounts something, which not every machine allows: `console mount`, `ts run mount`. */
  readonly needsMount: boolean;
  /** Path of the page from the root of the project. */
  readonly page: string;
  /** Where it begins, counted from 1. */
  readonly line: number;
  readonly source: string;
  readonly output: string;
  /** Index of the first line of the output in the page, counted from 0; undefined when there is no place for one. */
  readonly outputAt: number | undefined;
}

interface Block {
  readonly info: string;
  /** Index of the first line inside, counted from 0. */
  readonly at: number;
  readonly lines: readonly string[];
}

/** Ends the word after the fence of a block that mounts something. */
const NEEDS_MOUNT = " mount";

/** The pages whose examples are run, by their path from the root of the project. */
export function pages(): string[] {
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" });
  const below = docs.filter((path) => path.endsWith(".md") && !path.startsWith("api")).sort();
  return ["README.md", ...below.map((path) => join("docs", path))];
}

/** The examples of a page, in order. */
export function examplesOf(page: string): DocExample[] {
  const blocks = blocksOf(readFileSync(join(ROOT, page), "utf8"));
  return blocks.flatMap((block, i) => {
    if (isBlock(block, "console")) return commandsOf(page, block);
    return isBlock(block, "ts run") ? [programOf(page, block, blocks[i + 1])] : [];
  });
}

/** The text of a page with other outputs: those of its examples, in order. */
export function withOutputs(page: string, outputs: readonly string[]): string {
  const lines = readFileSync(join(ROOT, page), "utf8").split("\n");
  for (const [i, example] of [...examplesOf(page).entries()].reverse()) {
    const [old, fresh] = [linesOf(example.output), linesOf(outputs[i] ?? "")];
    if (example.outputAt !== undefined) lines.splice(example.outputAt, old.length, ...fresh);
    else if (fresh.length > 0) throw new Error(`${page}:${example.line}: prints something; add a text block after it`);
  }
  return lines.join("\n");
}

function linesOf(output: string): string[] {
  return output === "" ? [] : output.replace(/\n$/, "").split("\n");
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { info: string; at: number; lines: string[] } | undefined;
  for (const [i, line] of text.split("\n").entries()) {
    if (!line.startsWith("```")) open?.lines.push(line);
    else if (open === undefined) open = { info: line.slice(3).trim(), at: i + 1, lines: [] };
    else {
      blocks.push(open);
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`The fence before line ${open.at + 1} is never closed`);
  return blocks;
}

function isBlock({ info }: Block, kind: string): boolean {
  return info === kind || info === kind + NEEDS_MOUNT;
}

function commandsOf(page: string, { info, at, lines }: Block): DocExample[] {
  const starts = lines.flatMap((line, i) => (line.startsWith("$ ") ? [i] : []));
  if (starts[0] !== 0) throw new Error(`${page}:${at + 1}: a console block begins with a command: $ strata …`);
  return starts.map((start, i) => ({
    kind: "console",
    needsMount: info.endsWith(NEEDS_MOUNT),
    page,
    line: at + start + 1,
    source: lines[start]?.slice(2) ?? "",
    output: textOf(lines.slice(start + 1, starts[i + 1])),
    outputAt: at + start + 1,
  }));
}

function programOf(page: string, { info, at, lines }: Block, next: Block | undefined): DocExample {
  const shown = next?.info === "text" ? next : undefined;
  return {
    kind: "program",
    needsMount: info.endsWith(NEEDS_MOUNT),
    page,
    line: at + 1,
    source: textOf(lines),
    output: textOf(shown?.lines ?? []),
    outputAt: shown?.at,
  };
}
