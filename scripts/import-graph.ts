/**
 * `npx tsx scripts/import-graph.ts [--check]`: draws the graph of imports between rooms into docs/architecture.md, as the code has it
 * today. With `--check` it writes nothing and fails when the picture there is another one.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const ROOT = join(import.meta.dirname, "..");
const PAGE = join(ROOT, "docs/architecture.md");
const START = "<!-- import-graph: written by scripts/import-graph.ts -->";
const END = "<!-- /import-graph -->";

/** Rooms from the base up, as docs/architecture.md has them. What is missing here is drawn after them. */
const TIERS = [
  ["base"],
  ["oci", "tar", "tree", "linux"],
  ["layer", "content"],
  ["union", "image"],
  ["directory", "erofs", "fs"],
  ["edit"],
  ["changeset"],
  ["snapshot", "transport"],
  ["store"],
  ["unpack"],
  ["index"],
  ["cli", "testing"],
];

interface Cruise {
  readonly modules: readonly {
    readonly source: string;
    readonly dependencies: readonly { readonly resolved: string }[];
  }[];
}

/** The imports between rooms, `[from, to]`, sorted; `index` is the front door with the files beside it. */
export function roomImports(): [from: string, to: string][] {
  const bin = join(ROOT, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const args = [
    bin,
    "--config",
    ".dependency-cruiser.cjs",
    "--exclude",
    "\\.test\\.ts$",
    "--output-type",
    "json",
    "src",
  ];
  const { stdout } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 28 });
  const { modules } = JSON.parse(stdout) as Cruise;
  const edges = new Set<string>();
  for (const { source, dependencies } of modules) {
    for (const { resolved } of dependencies) {
      const [from, to] = [roomOf(source), roomOf(resolved)];
      if (from !== undefined && to !== undefined && from !== to) edges.add(`${from} ${to}`);
    }
  }
  return [...edges].sort().map((edge) => edge.split(" ") as [string, string]);
}

function roomOf(path: string): string | undefined {
  const [, room, file] = /^src\/([^/]+)(\/.*)?$/.exec(path) ?? [];
  return file === undefined && room !== undefined ? "index" : room;
}

/** Edges that go without saying because a longer way leads there too: what is left has the same order. */
function withoutShortcuts(edges: readonly (readonly [string, string])[]): (readonly [string, string])[] {
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    edges.some(([a, b]) => {
      if (a !== from || seen.has(b)) return false;
      seen.add(b);
      return b === to || reaches(b, to, seen);
    });
  return edges.filter(([from, to]) => !edges.some(([a, b]) => a === from && b !== to && reaches(b, to)));
}

/** The picture and the list that docs/architecture.md shows. */
export function importGraph(edges: readonly (readonly [string, string])[] = roomImports()): string {
  const known = TIERS.flat();
  const rooms = [...new Set(edges.flat())].sort((a, b) => known.indexOf(a) - known.indexOf(b));
  const rows = rooms.map((room) => {
    const below = edges.filter(([from]) => from === room).map(([, to]) => `\`${to}\``);
    return `- \`${room}\`: ${below.length === 0 ? "no other room" : below.join(", ")}`;
  });
  const arrows = withoutShortcuts(edges).map(([from, to]) => `  ${from} --> ${to}`);
  return ["```mermaid", "flowchart BT", ...arrows, "```", "", ...rows].join("\n");
}

/** The page with this graph between its markers. */
export function withGraph(page: string, graph: string): string {
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`docs/architecture.md has no place for the graph: ${START} … ${END}`);
  return `${page.slice(0, start)}${START}\n\n${graph}\n\n${page.slice(end)}`;
}

function main(): void {
  const page = readFileSync(PAGE, "utf8");
  const fresh = withGraph(page, importGraph());
  if (fresh === page) return;
  if (process.argv.includes("--check")) {
    console.error("docs/architecture.md shows another import graph than the code has: npx tsx scripts/import-graph.ts");
    process.exitCode = 1;
    return;
  }
  writeFileSync(PAGE, fresh);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
