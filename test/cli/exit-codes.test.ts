import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureBuilt } from "../../scripts/setup.mjs";
import type { ErrorKind } from "../../src/base/index.ts";
import { StrataError } from "../../src/base/index.ts";
import { EXIT_CODES, exitCodeOf } from "../../src/cli/exit-code.ts";
import { runStrata, SAMPLE } from "./run-strata.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "strata-exit-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A copy of the sample with its bytes changed. */
function changedSample(name: string, change: (bytes: Buffer) => Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, change(readFileSync(SAMPLE)));
  return path;
}

describe("the exit code", () => {
  it("is 0 when all is well, and nothing is on stderr", async () => {
    const { code, stderr } = await runStrata(["ls", SAMPLE]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  it("is 0 when purging a directory and what lies in it, which goes with it", async () => {
    const place = `oci:${join(directory, "purged")}`;
    const { code, stderr } = await runStrata(["purge", SAMPLE, "/etc/motd", "/etc/", "etc", "-t", place, "-q"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect((await runStrata(["ls", place])).stdout).not.toContain("etc");
  });

  it("is 0 for an image of several that is chosen after the dash, which is no option", async () => {
    const stdin = async function* (): AsyncGenerator<Uint8Array> {
      yield readFileSync(SAMPLE);
    };
    const { code, stdout } = await runStrata(["cat", "-:@0", "/etc/hostname"], { stdin: stdin() });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "sample\n" });
  });

  it("is 2 for what the user got wrong", async () => {
    expect((await runStrata(["ls", "--nothing", SAMPLE])).code).toBe(2);
    expect((await runStrata(["cat", SAMPLE, "/etc"])).code).toBe(2);
    expect((await runStrata([])).code).toBe(2);
  });

  it("is 2 for standard input that is to be two things, and nothing is made", async () => {
    const stdin = async function* (): AsyncGenerator<Uint8Array> {
      yield readFileSync(SAMPLE);
    };
    const { code, stderr } = await runStrata(["append", "-", "-", "-t", "x:1"], { stdin: stdin() });
    expect(code).toBe(2);
    expect(stderr).toContain("Standard input can be read only once");
    expect((await runStrata(["images", "-q"])).stdout).toBe("");
  });

  it("is 2 for an empty text in place of a directory, which is not the root of the machine", async () => {
    for (const operands of [
      [directory, ""],
      ["", ""],
      ["--overlay", "", directory],
    ]) {
      const { code, stderr } = await runStrata(["changeset", "create", ...operands]);
      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining("is an empty text") });
    }
  });

  it("is 3 for a truncated archive, and the place is named", async () => {
    const path = changedSample("short.tar", (bytes) => bytes.subarray(0, 9000));
    const { code, stderr } = await runStrata(["ls", path]);
    expect(code).toBe(3);
    expect(stderr).toContain(`image: ${path}`);
    expect(stderr).toMatch(/offset: \d+/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it("is 4 for bytes that do not have their digest, naming layer and instruction; --no-verify looks away", async () => {
    const path = changedSample("flipped.tar", (bytes) => {
      const at = bytes.indexOf("Have a nice day.");
      bytes[at] = 0x68;
      return bytes;
    });
    const { code, stderr, stdout } = await runStrata(["cat", path, "/etc/motd"]);
    expect(code).toBe(4);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/layer: 3 \(RUN ln \/etc\/os-release/);
    const blind = await runStrata(["cat", "--no-verify", path, "/etc/motd"]);
    expect(blind.stdout).toContain("have a nice day.");
  });

  it("is 5 for more than the limits allow, also when the cache already knows the image", async () => {
    await runStrata(["ls", SAMPLE]);
    expect((await runStrata(["ls", "--max-entries", "5", SAMPLE])).code).toBe(5);
    expect((await runStrata(["ls", "--max-layer-bytes", "4k", SAMPLE])).code).toBe(5);
  });

  it("is 6 for what is not there: image, layer or path", async () => {
    expect((await runStrata(["ls", join(directory, "none.tar")])).code).toBe(6);
    expect((await runStrata(["ls", "--layer", "77", SAMPLE])).code).toBe(6);
    expect((await runStrata(["ls", SAMPLE, "/none"])).code).toBe(6);
  });

  it("is 6 when one of several paths is missing, and the others are shown", async () => {
    const { code, stdout } = await runStrata(["cat", SAMPLE, "/none", "/etc/app.conf"]);
    expect({ code, stdout }).toEqual({ code: 6, stdout: "GREETING=hello\n" });
  });

  it("is 7 for what is in the way", async () => {
    const { code } = await runStrata(["export", "-o", directory, SAMPLE]);
    expect(code).toBe(7);
  });

  it("is 8 for what cannot be done now", async () => {
    const file = join(directory, "file");
    copyFileSync(SAMPLE, file);
    expect((await runStrata(["cp", `${SAMPLE}:/etc`, file])).code).toBe(8);
  });

  it("is 2 for the root of an image, which cannot be removed", async () => {
    const { code, stderr } = await runStrata(["edit", SAMPLE, "--rm", "/", "-t", "x:1"]);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining("Cannot remove /") });
  });

  it("is 9 for what exists and is not supported", async () => {
    expect((await runStrata(["ls", "docker-daemon:x"])).code).toBe(9);
  });

  it("is 130 when it was interrupted", async () => {
    const abort = new AbortController();
    abort.abort();
    expect((await runStrata(["ls", SAMPLE], { signal: abort.signal })).code).toBe(130);
  });

  it("follows the kind of an error and nothing else", () => {
    for (const [kind, code] of Object.entries(EXIT_CODES)) {
      expect(exitCodeOf(new StrataError({ code: "x", kind: kind as ErrorKind, message: "x" }))).toBe(code);
    }
    expect(exitCodeOf(Object.assign(new Error("x"), { code: "ENOENT" }))).toBe(6);
    expect(exitCodeOf(new TypeError("x"))).toBe(70);
    expect(new Set(Object.values(EXIT_CODES)).size).toBe(Object.keys(EXIT_CODES).length);
  });
});

describe("errors", () => {
  it("are one JSON object on stderr with --json", async () => {
    const { stderr, stdout } = await runStrata(["ls", "--json", SAMPLE, "/app/deploy.key"]);
    expect(stdout).toBe("");
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: "path-not-found",
        kind: "not-found",
        message: 'There is no "/app/deploy.key" in the image',
        image: SAMPLE,
        path: "/app/deploy.key",
        hint: "Layer 4 deleted it; `--layer 3` shows what was there before",
      },
    });
  });

  it("show a stack only when STRATA_DEBUG asks for it", async () => {
    const debug = await runStrata(["ls", SAMPLE, "/none"], { env: { STRATA_DEBUG: "1" } });
    expect(debug.stderr).toMatch(/^ +at /m);
  });

  it("cannot smuggle control characters to a terminal", async () => {
    const { stderr } = await runStrata(["ls", "evil\x1b[31m.tar"]);
    expect(stderr).not.toContain("\x1b");
    expect(stderr).toContain("evil\\033[31m.tar");
  });

  it("all have their code in docs/errors.md", () => {
    const documented = readFileSync("docs/errors.md", "utf8");
    const command = `grep -rhoE "code: \\"[a-z0-9-]+\\"" src --include=*.ts --exclude=*.test.ts --exclude-dir=testing`;
    const found = execFileSync("sh", ["-c", command], { encoding: "utf8" }).matchAll(/"(.+)"/g);
    const codes = new Set([...found].map(([, code]) => code));
    expect(codes.size).toBeGreaterThan(50);
    expect([...codes].filter((code) => !documented.includes(`\`${code}\``))).toEqual([]);
  });
});

describe("the process", () => {
  const strata = "node dist/cli/main.js";
  beforeAll(ensureBuilt);
  const shell = (script: string) => spawnSync("bash", ["-c", `set -o pipefail; ${script}`], { encoding: "utf8" });

  it("prints its version without loading anything", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(shell(`${strata} --version`).stdout).toBe(`${version}\n`);
  });

  it("ends quietly with 0 when nobody reads any more", () => {
    const { status, stdout, stderr } = shell(
      `${strata} ls -R --json --no-cache dir:node_modules/typescript/lib/.. | head -n 1`,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.split("\n").length).toBe(2);
  });

  it("reads an image from a pipe", () => {
    const { stdout, stderr } = shell(`cat ${SAMPLE} | ${strata} cat --no-cache - /etc/app.conf`);
    expect({ stdout, stderr }).toEqual({ stdout: "GREETING=hello\n", stderr: "" });
  });

  it("exports the same bytes every time, and leaves nothing behind when it fails", () => {
    const target = join(directory, "out.tar");
    shell(`${strata} export --no-cache -o ${target} ${SAMPLE}`);
    const { stdout } = shell(`${strata} export --no-cache ${SAMPLE} | sha256sum; sha256sum < ${target}`);
    const [first, second] = stdout.split("\n");
    expect(first).toBe(second);
    const empty = mkdtempSync(join(directory, "empty-"));
    const failed = shell(`${strata} export -o ${empty}/x.tar ${directory}/none.tar; ls -A ${empty}`);
    expect(failed.stdout).toBe("");
  });
});
