import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CACHE, ensureBuilt, ROOT } from "../../scripts/setup.mjs";
import { type DocExample, examplesOf, type ProgramExample, pages } from "./doc-examples.ts";

/** Where the examples of the documentation are meant to be run: beside `image.tar`. */
const SAMPLE = join(ROOT, "examples/layers");
const TSX = join(ROOT, "node_modules/tsx/dist/cli.mjs");

const examples: readonly DocExample[] = pages().flatMap(examplesOf);
const programs = examples.filter((example): example is ProgramExample => example.kind === "program");

/** Programs lie inside the project, so that `stratafs` is the project itself. */
let programDirectory: string;
let home: string;

beforeAll(() => {
  ensureBuilt();
  mkdirSync(CACHE, { recursive: true });
  programDirectory = mkdtempSync(join(CACHE, "docs-"));
  for (const program of programs) writeFileSync(pathOf(program), `${program.source}export {};\n`);
  home = mkdtempSync(join(tmpdir(), "strata-docs-"));
  const command = join(home, "strata");
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, "dist/cli/main.js")}' "$@"\n`);
  chmodSync(command, 0o755);
});
afterAll(() => {
  rmSync(programDirectory, { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
});

function pathOf({ page, line }: ProgramExample): string {
  return join(programDirectory, `${page.replace(/[^a-z0-9]+/gi, "-")}-${line}.ts`);
}

/** What an example prints. */
function outputOf(example: DocExample): string {
  const command =
    example.kind === "console" ? example.command : `exec '${process.execPath}' '${TSX}' '${pathOf(example)}'`;
  const { stdout } = spawnSync("sh", ["-c", `{ ${command}\n} 2>&1`], {
    cwd: SAMPLE,
    encoding: "utf8",
    env: {
      PATH: `${home}:${process.env["PATH"]}`,
      HOME: home,
      XDG_CACHE_HOME: join(home, "cache"),
      LC_ALL: "C.UTF-8",
      TZ: "UTC",
    },
  });
  return stdout;
}

describe("the examples of the documentation", () => {
  it("are there: commands and programs, on the first page too", () => {
    expect(programs.length).toBeGreaterThan(4);
    const first = examples.filter(({ page }) => page === "README.md");
    expect(first.filter(({ kind }) => kind === "console").length).toBeGreaterThanOrEqual(3);
    expect(first.filter(({ kind }) => kind === "program").length).toBeGreaterThanOrEqual(1);
  });

  it("have the types that the library has", () => {
    const configuration = { extends: join(ROOT, "tsconfig.json"), include: ["*.ts"] };
    writeFileSync(join(programDirectory, "tsconfig.json"), JSON.stringify(configuration));
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const run = () =>
      execFileSync(process.execPath, [tsc, "-p", programDirectory], { encoding: "utf8", stdio: "pipe" });
    expect(run).not.toThrow();
  });

  it.for(examples.map((example) => [`${example.page}:${example.line}`, example] as const))(
    "print what the page shows: %s",
    ([, example]) => {
      expect(outputOf(example)).toBe(example.output);
    },
  );
});
