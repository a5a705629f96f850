import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { importGraph, roomImports, withGraph } from "../../scripts/import-graph.ts";

const PAGE = join(import.meta.dirname, "../../docs/architecture.md");

describe("the import graph of docs/architecture.md", () => {
  let imports: [from: string, to: string][];
  beforeAll(() => {
    imports = roomImports();
  });

  it("is that of the code", () => {
    const page = readFileSync(PAGE, "utf8");
    expect(page, "npx tsx scripts/import-graph.ts draws it anew").toBe(withGraph(page, importGraph(imports)));
  });

  it("was drawn from imports that were really seen", () => {
    expect(imports).toContainEqual(["layer", "tar"]);
    expect(imports).toContainEqual(["index", "union"]);
    expect(imports.filter(([, to]) => to === "cli")).toEqual([]);
  });
});
