import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/**
 * The canary: the rules about imports and purity are themselves code that can break in silence (dependency-cruiser sees no module at all
 * when it cannot load its TypeScript). So a small house with known sins is checked, and every sin must be found.
 */
const ROOT = join(import.meta.dirname, "..");
const CONFIGS = [
  ".dependency-cruiser.cjs",
  "tsconfig.json",
  "biome.json",
  ".gitignore",
  "package.json",
  "scripts/lint",
];

const INNOCENT = {
  "src/base/index.ts": `export { now } from "./clock.ts";`,
  "src/base/clock.ts": "export const now = (): number => Date.now();",
  "src/base/clock.test.ts": `import { readFileSync } from "node:fs"; import { tar } from "../tar/index.ts"; console.log(tar, readFileSync, Date.now());`,
  "src/tar/index.ts": `export { tar } from "./tar.ts";`,
  "src/tar/tar.ts": `import { now } from "../base/index.ts"; export const tar = now;`,
  "src/layer/index.ts": `import { tar } from "../tar/index.ts"; export const layer = tar;`,
  "src/linux/index.ts": `import koffi from "koffi"; import { readSync } from "node:fs"; export const linux = [koffi, readSync];`,
  "src/fs/index.ts": `import type { Stats } from "node:fs"; export type FileStats = Stats;`,
  "src/index.ts": `export { layer } from "./layer/index.ts";`,
  "src/testing/index.ts": `import { layer } from "../layer/index.ts"; export const suite = layer;`,
  "src/cli/main.ts": `import process from "node:process"; import { layer } from "../index.ts"; console.log(process.pid, layer, new Date());`,
};

/** Every illegal import: the file, its text, the rule that must catch it. */
const IMPORT_SINS: readonly [file: string, text: string, rule: string][] = [
  ["src/base/up.ts", `import "../tar/index.ts";`, "base-imports-no-room"],
  ["src/tar/sideways.ts", `import "../oci/index.ts";`, "tar-imports-downwards"],
  [
    "src/tar/type.ts",
    `import type { layer } from "../layer/index.ts"; export type L = typeof layer;`,
    "tar-imports-downwards",
  ],
  ["src/layer/window.ts", `import "../tar/tar.ts";`, "through-the-door-of-tar"],
  ["src/layer/cycle-a.ts", `import "./cycle-b.ts";`, "no-cycles"],
  ["src/layer/suite.ts", `import "../testing/index.ts";`, "nobody-imports-testing"],
  ["src/layer/front.ts", `import "../index.ts";`, "only-cli-uses-the-front-door"],
  ["src/cli/back.ts", `import "../open-image.ts";`, "through-the-front-door"],
  ["src/testing/command.ts", `import "../cli/index.ts";`, "testing-imports-doors-only"],
  ["src/layer/tested.ts", `import "./own.test.ts";`, "no-test-in-code"],
  ["src/layer/dev.ts", `import fc from "fast-check"; export const x = fc;`, "no-dev-dependency-in-code"],
  ["src/layer/lost.ts", `import "./nowhere.ts";`, "resolvable"],
  ["src/layer/kernel.ts", `import koffi from "koffi"; export const x = koffi;`, "ffi-in-linux"],
  ["src/layer/tables.ts", `import { open } from "lmdb"; export const x = open;`, "lmdb-in-store"],
  [
    "src/layer/files.ts",
    `import { readFileSync } from "node:fs"; export const x = readFileSync;`,
    "files-where-they-lie",
  ],
  [
    "src/content/files.ts",
    `import { readFile } from "node:fs/promises"; export const x = readFile;`,
    "files-where-they-lie",
  ],
  [
    "src/layer/threads.ts",
    `import { Worker } from "node:worker_threads"; export const x = Worker;`,
    "threads-in-few-rooms",
  ],
  ["src/layer/exit.ts", `import process from "node:process"; export const x = process;`, "process-in-cli"],
  ["src/layer/web.ts", `import { get } from "node:https"; export const x = get;`, "http-in-registry"],
  [
    "src/layer/clock.ts",
    `import { performance } from "node:perf_hooks"; export const x = performance;`,
    "clock-in-base",
  ],
];
const ACCOMPLICES = {
  "src/layer/cycle-b.ts": `import "./cycle-a.ts";`,
  "src/layer/own.test.ts": "export {};",
  "src/oci/index.ts": "export {};",
  "src/cli/index.ts": "export {};",
  "src/open-image.ts": "export {};",
};

/** Every use of a global that only some rooms may touch. */
const GLOBAL_SINS: Readonly<Record<string, string>> = {
  "src/layer/env.ts": "export const x = process.env;",
  "src/layer/print.ts": `export const x = () => console.error("no");`,
  "src/layer/now.ts": "export const x = () => Date.now();",
  "src/layer/today.ts": "export const x = () => new Date();",
  "src/layer/dice.ts": "export const x = () => Math.random();",
  "src/layer/uuid.ts": "export const x = () => crypto.randomUUID();",
  "src/layer/uuid-imported.ts": `import { randomUUID } from "node:crypto";\nexport const x = () => randomUUID();`,
  "src/layer/uuid-namespace.ts": `import * as crypto from "node:crypto";\nexport const x = () => crypto.randomBytes(8);`,
  "src/layer/timer.ts": "export const x = () => performance.now();",
  "src/layer/global-this.ts": "export const x = () => globalThis.process;",
};

let house: string;

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(house, path)), { recursive: true });
    writeFileSync(join(house, path), `${text}\n`);
  }
}

beforeAll(() => {
  house = mkdtempSync(join(tmpdir(), "strata-boundaries-"));
  for (const path of CONFIGS) cpSync(join(ROOT, path), join(house, path), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(house, "node_modules"));
});
afterAll(() => rmSync(house, { recursive: true, force: true }));

interface Cruise {
  readonly modules: readonly string[];
  /** `file: rule` for each violation. */
  readonly sins: readonly string[];
}

function cruise(cwd: string): Cruise {
  const bin = join(ROOT, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const args = [bin, "--config", ".dependency-cruiser.cjs", "--output-type", "json", "src"];
  const { stdout } = spawnSync(process.execPath, args, { cwd, encoding: "utf8", maxBuffer: 1 << 28 });
  const { modules, summary } = JSON.parse(stdout) as {
    modules: { source: string }[];
    summary: { violations: { from: string; rule: { name: string } }[] };
  };
  return {
    modules: modules.map(({ source }) => source),
    sins: summary.violations.map(({ from, rule }) => `${from}: ${rule.name}`),
  };
}

/** The files of the house in which the linter finds an error of the purity rules. */
function impureFiles(): string[] {
  const bin = join(ROOT, "node_modules/@biomejs/biome/bin/biome");
  const args = [bin, "lint", "--reporter=json", "--max-diagnostics=none", "src"];
  const { stdout } = spawnSync(process.execPath, args, { cwd: house, encoding: "utf8", maxBuffer: 1 << 28 });
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: { category: string; location: { path: string } }[];
  };
  const purity = diagnostics.filter(({ category }) => /noRestrictedGlobals|noRestrictedImports|plugin/.test(category));
  return [...new Set(purity.map(({ location }) => location.path))].sort();
}

describe("the boundaries of the rooms", () => {
  it("let the innocent house pass", () => {
    write(INNOCENT);
    const { sins, modules } = cruise(house);
    expect(sins).toEqual([]);
    expect(modules).toEqual(expect.arrayContaining(Object.keys(INNOCENT)));
    expect(impureFiles()).toEqual([]);
  });

  it("refuse every illegal import, each by its own rule", () => {
    write({ ...INNOCENT, ...ACCOMPLICES, ...Object.fromEntries(IMPORT_SINS) });
    const { sins } = cruise(house);
    expect(sins).toEqual(expect.arrayContaining(IMPORT_SINS.map(([file, , rule]) => `${file}: ${rule}`)));
  });

  it("refuse every use of the clock, the dice, the process and the console outside their rooms", () => {
    write({ ...INNOCENT, ...GLOBAL_SINS });
    expect(impureFiles()).toEqual(expect.arrayContaining(Object.keys(GLOBAL_SINS)));
  });

  it("were checked on all modules of this house", () => {
    const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" }).filter((path) =>
      path.endsWith(".ts"),
    );
    const { modules } = cruise(ROOT);
    expect(modules).toEqual(expect.arrayContaining(sources.map((path) => `src/${path}`)));
  });
});
