import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureBuilt, ROOT } from "../../scripts/setup.mjs";
import { compileCommand, compiledName } from "../../src/cli/load-command.ts";
import { FixtureLayout, layerOf, writeFiles } from "../support/image-fixtures.ts";
import { requireOrSkip } from "../support/skip.ts";

const COMMAND = join(ROOT, "dist/cli");

let directory: string;
beforeAll(() => {
  ensureBuilt();
  directory = mkdtempSync(join(tmpdir(), "strata-built-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command as it is installed. */
function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(COMMAND, "main.js"), ...args], {
    encoding: "utf8",
    env: { ...process.env, XDG_CACHE_HOME: directory, ...env },
  });
  return { code: status, stdout, stderr };
}

describe("the built command", () => {
  it("has compiled code that the V8 which built it takes", () => {
    const compiled = readFileSync(join(COMMAND, compiledName()));
    expect(compileCommand(join(COMMAND, "command.js"), compiled).cachedDataRejected).toBe(false);
  });

  it("does the same where its compiled code does not fit", () => {
    const words = ["ls", "-R", "--json", join(ROOT, "examples/layers/image.tar")];
    const otherFlags = run(words, { NODE_OPTIONS: "--max-old-space-size=300" });
    expect(otherFlags).toEqual({ ...run(words), code: 0, stderr: "" });
  });

  it("finds the sample from where it lies", () => {
    expect(run(["tour"])).toMatchObject({ code: 0, stderr: "" });
  });
});

const hasProcessors = availableParallelism() > 1;

requireOrSkip(
  "threads that index layers",
  hasProcessors,
  "a single processor makes the command use no threads",
)(() => {
  /** As much as makes threads pay beside the largest layer; zeros, which hash quickly. */
  const LARGE = 65 * 1024 * 1024;
  let image: string;

  beforeAll(async () => {
    image = join(directory, "image");
    const layout = new FixtureLayout();
    const layers = [
      await layerOf({ "etc/motd": "hello\n", "var/zeros": Buffer.alloc(LARGE) }, { compress: false }),
      await layerOf({ "etc/.wh.motd": "", "var/more": Buffer.alloc(LARGE + 1) }, { compress: false }),
    ];
    await writeFiles(image, layout.finish([layout.image(layers)]));
  });

  const list = (...options: string[]): Run => run(["ls", "-R", "--json", "--no-cache", ...options, `oci:${image}`]);

  it("list what one thread lists", () => {
    const log = join(directory, "threads");
    const hook = join(directory, "hook.cjs");
    const note = `require("node:fs").appendFileSync(${JSON.stringify(log)}, "thread\\n")`;
    writeFileSync(hook, `if (!require("node:worker_threads").isMainThread) ${note};\n`);
    const words = ["ls", "-R", "--json", "--no-cache", `oci:${image}`];
    const threaded = run(words, { NODE_OPTIONS: `--require=${hook}` });
    expect(readFileSync(log, "utf8")).toBe("thread\nthread\n");
    // Seeking through headers is done without threads.
    expect(threaded).toEqual(list("--no-verify"));
    expect(threaded.stdout.match(/"path":"[^"]*"/g)).toEqual([
      '"path":"/etc"',
      '"path":"/var"',
      '"path":"/var/more"',
      '"path":"/var/zeros"',
    ]);
  });

  it("keep to the limits", () => {
    const { code, stderr } = list("--max-layer-bytes", "1M");
    expect(code).toBe(5);
    expect(stderr).toMatch(/"layer":[01]/);
  });

  it("see a flipped byte", () => {
    const blobs = join(image, "blobs/sha256");
    const large = readdirSync(blobs).find((name) => readFileSync(join(blobs, name)).length > LARGE) as string;
    const bytes = readFileSync(join(blobs, large));
    bytes[bytes.length >> 1] = 1;
    writeFileSync(join(blobs, large), bytes);
    const { code, stderr } = list();
    expect(code).toBe(4);
    expect(stderr).toContain(large);
  });
});
