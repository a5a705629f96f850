import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureBuilt, ROOT } from "../../scripts/setup.mjs";
import { openGroups } from "../../src/cli/compiled-groups.ts";
import { FixtureLayout, layerOf, writeFiles } from "../support/image-fixtures.ts";
import { whyMissing } from "../support/oracles.ts";
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
    const groups = openGroups(COMMAND) ?? [];
    expect(groups.length).toBeGreaterThan(1);
    for (const group of groups) expect(group.script().cachedDataRejected).toBe(false);
  });

  it("has every module as a file of its own too, and in one group at most", () => {
    const grouped = (openGroups(COMMAND) ?? []).flatMap(({ modules }) => modules);
    expect(new Set(grouped).size).toBe(grouped.length);
    expect(grouped.filter((id) => !existsSync(join(COMMAND, id)))).toEqual([]);
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

requireOrSkip(
  "threads that make files",
  hasProcessors && whyMissing(["mount"]) === undefined,
  "a single processor makes the command use no threads, and nobody but root has snapshots of overlayfs",
)(() => {
  /** So many make threads pay. */
  const FILES = 2500;
  const content = (i: number): string => `file ${i}\n`.repeat(i % 7);
  const pathOf = (i: number): string => `d${i % 11}/f${i}`;

  it("fill the directory of a snapshot, as its layer says and as one thread does", async () => {
    const layout = new FixtureLayout();
    const files = Object.fromEntries(Array.from({ length: FILES }, (_, i) => [pathOf(i), content(i)]));
    const image = join(directory, "many");
    await writeFiles(image, layout.finish([layout.image([await layerOf(files)])]));
    const [log, hook] = [join(directory, "extracting"), join(directory, "extracting.cjs")];
    const note = `require("node:fs").appendFileSync(${JSON.stringify(log)}, "thread\\n")`;
    writeFileSync(hook, `if (require("node:worker_threads").workerData?.placement) ${note};\n`);
    const env = { STRATA_ROOT: join(directory, "store") };
    const mounted = join(directory, "mounted");
    mkdirSync(mounted);
    expect(run(["copy", "--quiet", `oci:${image}`, "store:many"], env)).toMatchObject({ code: 0, stderr: "" });
    const mount = run(["mount", "--quiet", "--snapshotter", "overlay", "many", mounted], {
      ...env,
      NODE_OPTIONS: `--require=${hook}`,
    });
    expect(run(["umount", "--quiet", mounted], env)).toMatchObject({ code: 0 });
    expect(mount).toMatchObject({ code: 0, stderr: "" });
    const threads = Math.min(availableParallelism(), 4) - 1;
    expect(readFileSync(log, "utf8")).toBe("thread\n".repeat(threads));
    // The tar is garbage, which is no damage.
    const { code, stdout } = run(["fsck", "--deep", "--json"], env);
    expect({ code, faults: stdout.match(/"code":"[^"]*"/g) }).toEqual({
      code: 0,
      faults: ['"code":"unreferenced-blob"'],
    });
    const data = join(directory, "store/snapshots/overlay/data");
    const [id = ""] = readdirSync(data);
    for (let i = 0; i < FILES; i++) expect(readFileSync(join(data, id, "fs", pathOf(i)), "utf8")).toBe(content(i));
  });
});
