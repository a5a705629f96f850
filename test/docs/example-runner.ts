import { spawn, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { CACHE, ensureBuilt, ROOT } from "../../scripts/setup.mjs";
import { bundleProgram } from "../support/bundle-program.ts";
import { type RegistryServer, startRegistryServer } from "../support/registry-server.ts";
import type { DocExample } from "./doc-examples.ts";

/** The examples of the documentation are meant to be run here, beside `image.tar`; they run in a copy, for what they write. */
const SAMPLE = join(ROOT, "examples/layers");
/** Where the examples say that a registry is. It has the sample image. */
const REGISTRY = "localhost:5000";
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

/** Runs examples as their readers would: with the built command and the built package. Dispose it when done. */
export class ExampleRunner implements AsyncDisposable {
  /** Inside the project, so that `stratafs` is the project itself. */
  readonly #programs: string;
  readonly #home: string;
  /** Started when an example speaks of it. */
  #registry: Promise<RegistryServer> | undefined;

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

  /** What an example prints, on stdout and stderr as it comes. Examples build on each other: one at a time, in order. */
  async outputOf(example: DocExample): Promise<string> {
    if (!example.source.includes(REGISTRY)) return await this.#run(example);
    this.#registry ??= this.#startRegistry();
    const { host } = await this.#registry;
    const output = await this.#run({ ...example, source: example.source.replaceAll(REGISTRY, host) });
    return output.replaceAll(host, REGISTRY);
  }

  /** What the compiler has against the programs: nothing, or its complaints. */
  complaints(programs: readonly DocExample[]): string {
    for (const program of programs) this.#write(program);
    const configuration = { extends: join(ROOT, "tsconfig.json"), include: ["*.ts"] };
    writeFileSync(join(this.#programs, "tsconfig.json"), JSON.stringify(configuration));
    return spawnSync(process.execPath, [TSC, "-p", this.#programs], { encoding: "utf8" }).stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Of an example that failed half way.
    await this.#shell("strata umount --all");
    await (await this.#registry)?.[Symbol.asyncDispose]();
    rmSync(this.#programs, { recursive: true, force: true });
    rmSync(this.#home, { recursive: true, force: true });
  }

  async #startRegistry(): Promise<RegistryServer> {
    const registry = await startRegistryServer();
    await this.#shell(`strata copy --quiet image.tar docker://${registry.host}/layers:sample`);
    return registry;
  }

  async #run(example: DocExample): Promise<string> {
    const isProgram = example.kind === "program";
    return await this.#shell(
      isProgram ? `exec '${process.execPath}' '${await this.#compile(example)}'` : example.source,
    );
  }

  async #shell(command: string): Promise<string> {
    const child = spawn("sh", ["-c", `{ ${command}\n} 2>&1`], {
      cwd: join(this.#home, "work"),
      stdio: ["ignore", "pipe", "ignore"],
      env: {
        PATH: `${this.#home}:${process.env["PATH"]}`,
        HOME: this.#home,
        XDG_CACHE_HOME: join(this.#home, "cache"),
        STRATA_ROOT: join(this.#home, "store"),
        LC_ALL: "C.UTF-8",
        TZ: "UTC",
      },
    });
    return await text(child.stdout);
  }

  #write(program: DocExample): string {
    const path = this.#pathOf(program, "ts");
    writeFileSync(path, programOf(program));
    return path;
  }

  /** As JavaScript: a compiler in the process that runs it takes longer than all that examples do. */
  async #compile(program: DocExample): Promise<string> {
    const path = this.#pathOf(program, "mjs");
    await bundleProgram(this.#write(program), path);
    return path;
  }

  #pathOf({ page, line }: DocExample, extension: string): string {
    return join(this.#programs, `${page.replace(/[^a-z0-9]+/gi, "-")}-${line}.${extension}`);
  }
}

function programOf({ source }: DocExample): string {
  return `${source}export {};\n`;
}
