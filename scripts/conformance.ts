/**
 * `npm run conformance [-- --tools NAME,… --cases TEXT --write]`: the conformance suite on this library and on the tools that
 * are installed (as root, with bubblewrap); prints the table. `--write` makes docs/conformance.md of a whole run.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { judge, runOnCommand, runOnLibrary, type Verdict, whiteoutCases } from "../src/testing/index.ts";
import { type Results, renderDocument, renderTable } from "./conformance/render.ts";
import { type ConformanceTool, conformanceTools } from "./conformance/tools.ts";

const { values } = parseArgs({
  options: { tools: { type: "string" }, cases: { type: "string" }, write: { type: "boolean", default: false } },
});
const wanted = values.tools?.split(",");
const tools = conformanceTools().filter(({ name }) => wanted?.some((part) => name.includes(part)) ?? true);
const results: Results = new Map();

for (const test of [...whiteoutCases.values()].flat()) {
  if (values.cases !== undefined && !test.name.includes(values.cases)) continue;
  const verdicts = new Map<string, Verdict>([["stratafs", judge(test, runOnLibrary(test), { times: true })]]);
  for (const tool of tools) verdicts.set(tool.name, judge(test, runOnCommand(test, tool)));
  results.set(test.name, verdicts);
  console.log(test.name.padEnd(64), [...verdicts].map(([name, { kind }]) => `${name}: ${kind}`).join("  "));
  if (tools.length === 1) for (const { note } of verdicts.values()) if (note !== "") console.log(note);
}

console.log(`\n${renderTable(["stratafs", ...tools.map(({ name }: ConformanceTool) => name)], results)}`);
if (values.write) {
  const path = join(import.meta.dirname, "../docs/conformance.md");
  writeFileSync(path, renderDocument(tools, results));
  console.log(`\nWritten: ${path}`);
}
