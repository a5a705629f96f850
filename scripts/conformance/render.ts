import { type Verdict, whiteoutCases } from "../../src/testing/index.ts";
import type { ConformanceTool } from "./tools.ts";

/** Case name → tool name → verdict. */
export type Results = Map<string, ReadonlyMap<string, Verdict>>;

const KINDS: readonly Verdict["kind"][] = ["ok", "variant", "differs", "refuses", "escapes"];

/** The numbers of a run, one line for each tool. */
export function renderTable(names: readonly string[], results: Results): string {
  const rows = names.map((name) => [name, ...KINDS.map((kind) => String(count(results, name, kind)))]);
  return [["", ...KINDS], ...rows]
    .map(([head = "", ...cells]) => head.padEnd(20) + cells.map((cell) => cell.padStart(9)).join(""))
    .join("\n");
}

/** docs/conformance.md: what the suite is, the numbers, and every case with the reason and each tool's verdict. */
export function renderDocument(tools: readonly ConformanceTool[], results: Results): string {
  const names = ["stratafs", ...tools.map(({ name }) => name)];
  return `${[introduction(tools), summary(names, results), ...chapters(names, results)].join("\n\n")}\n`;
}

function introduction(tools: readonly ConformanceTool[]): string {
  return `# The conformance suite for layers

What must an image look like once its layers are applied? The image specification says it in two pages, and tools still disagree.
This suite is a set of images made by hand, as code, each with the one tree (or error) that is right, the reason, and the other answers
that are acceptable, with theirs. It lives in \`stratafs/testing\` and runs against any command:

\`\`\`ts
import { judge, runOnCommand, whiteoutCases } from "stratafs/testing";

const tool = { name: "umoci", script: 'umoci raw unpack --image "$LAYOUT:$TAG" "$OUT"' };
for (const test of [...whiteoutCases.values()].flat()) console.log(test.name, judge(test, runOnCommand(test, tool)));
\`\`\`

Each case runs in a sandbox (bubblewrap) with witnesses outside of the tool's root, because some of these archives really break out of
some tools. Types, modes, owners, link targets, hardlinks, device numbers, extended attributes and content are compared; times only for
this library. \`npm run conformance -- --write\` made this page, with:

${tools.map(({ name, version, how }) => `- **${name}** ${version}: ${how}`).join("\n")}

Verdicts: **ok** · **variant**: another acceptable answer, with its reason below · **differs**: another tree · **refuses**: an error where a tree is
expected · **escapes**: files outside of the root were touched.`;
}

function summary(names: readonly string[], results: Results): string {
  const head = `| | ${KINDS.join(" | ")} |\n|---|${KINDS.map(() => "--:|").join("")}`;
  const rows = names.map(
    (name) => `| ${name} | ${KINDS.map((kind) => count(results, name, kind) || "").join(" | ")} |`,
  );
  return [head, ...rows].join("\n");
}

function chapters(names: readonly string[], results: Results): string[] {
  return [...whiteoutCases].map(([chapter, cases]) => {
    const head = `## ${chapter}\n\n| case | ${names.join(" | ")} |\n|---|${names.map(() => "---|").join("")}`;
    const rows = cases.map(
      ({ name }) => `| ${name} | ${names.map((tool) => cell(results.get(name)?.get(tool))).join(" | ")} |`,
    );
    const reasons = cases.map(({ name, because, spec, variants = [] }) => {
      const others = [...new Set(variants.map((variant) => `  - *variant*: ${sentence(variant.because)}`))];
      return [`- **${name}**: ${because} (${spec})`, ...others].join("\n");
    });
    return [[head, ...rows].join("\n"), reasons.join("\n")].join("\n\n");
  });
}

function cell(verdict: Verdict | undefined): string {
  if (verdict === undefined) return "";
  return verdict.kind === "ok" || verdict.kind === "variant" ? verdict.kind : `**${verdict.kind}**`;
}

function sentence(text: string): string {
  return text.endsWith(".") ? text : `${text}.`;
}

function count(results: Results, tool: string, kind: Verdict["kind"]): number {
  return [...results.values()].filter((verdicts) => verdicts.get(tool)?.kind === kind).length;
}
