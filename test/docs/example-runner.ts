import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CACHE, ensureBuilt, ROOT } from "../../scripts/setup.mjs";
import type { DocExample } from "./doc-examples.ts";

/** The examples of the documentation are meant to be run here, beside `image.tar`; they run in a copy, for what they write. */
const SAMPLE = join(ROOT, "examples/layers");
const TSX = join(ROOT, "node_modules/tsx/dist/cli.mjs");
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

/** Runs examples as their readers would: with the built command and the built package. Dispose it when done. */
export class ExampleRunner implements Disposable {
  /** Inside the project, so that `stratafs` is the project itself. */
  readonly #programs: string;
  readonly #home: string;

  constructor() {
    ensureBuilt();
    mkdirSync(CACHE, { recursive: true });
    this.#programs = mkdtempSync(join(CACHE, "docs-"));
    this.#home = mkdtempSync(join(tmpdir(), "strata-docs-"));
    cpSync(SAMPLE, join(this.#home, "work"), { recursive: true });
    const command = join(this.#home, "strata");
    writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, "dist/cli/main.js")}' "$@"\n`);
    chmodSync(command, 0o755);
  }

  /** What an example prints, on stdout and stderr as it comes. */
  outputOf(example: DocExample): string {
    const isProgram = example.kind === "program";
    const command = isProgram ? `exec '${process.execPath}' '${TSX}' '${this.#write(example)}'` : example.source;
    const { stdout } = spawnSync("sh", ["-c", `{ ${command}\n} 2>&1`], {
      cwd: join(this.#home, "work"),
      encoding: "utf8",
      env: {
        PATH: `${this.#home}:${process.env["PATH"]}`,
        HOME: this.#home,
        XDG_CACHE_HOME: join(this.#home, "cache"),
        STRATA_ROOT: join(this.#home, "store"),
        LC_ALL: "C.UTF-8",
        TZ: "UTC",
      },
    });
    return stdout;
  }

  /** What the compiler has against the programs: nothing, or its complaints. */
  complaints(programs: readonly DocExample[]): string {
    for (const program of programs) this.#write(program);
    const configuration = { extends: join(ROOT, "tsconfig.json"), include: ["*.ts"] };
    writeFileSync(join(this.#programs, "tsconfig.json"), JSON.stringify(configuration));
    return spawnSync(process.execPath, [TSC, "-p", this.#programs], { encoding: "utf8" }).stdout;
  }

  [Symbol.dispose](): void {
    rmSync(this.#programs, { recursive: true, force: true });
    rmSync(this.#home, { recursive: true, force: true });
  }

  #write({ page, line, source }: DocExample): string {
    const path = join(this.#programs, `${page.replace(/[^a-z0-9]+/gi, "-")}-${line}.ts`);
    writeFileSync(path, `${source}export {};\n`);
    return path;
  }
}
