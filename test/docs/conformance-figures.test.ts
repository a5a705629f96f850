import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../scripts/setup.mjs";

/** The cells of the table row that begins with a text, without that first cell. */
function row(page: string, start: string): string[] {
  const lines = readFileSync(join(ROOT, page), "utf8").split("\n");
  const line = lines.find((text) => text.startsWith("|") && text.slice(1).trim().startsWith(start));
  if (line === undefined) throw new Error(`${page} has no row ${JSON.stringify(start)}`);
  return line
    .split("|")
    .slice(2, -1)
    .map((cell) => cell.trim());
}

/** Cases that a tool answers rightly or acceptably, by docs/conformance.md. */
function rightAnswers(tool: string): string {
  const [ok, variant] = row("docs/conformance.md", tool);
  return String(Number(ok) + Number(variant));
}

describe("the figures on the first page", () => {
  it("are those of the conformance table", () => {
    const tools = ["stratafs", "GNU tar", "umoci", "podman overlay"];
    const count = row("docs/conformance.md", "stratafs").reduce((sum, cell) => sum + Number(cell), 0);
    expect(row("README.md", `right answers to ${count} hand-made images`)).toEqual(tools.map(rightAnswers));
  });
});
