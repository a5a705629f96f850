import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensureBuilt, ROOT } from "../../scripts/setup.mjs";
import { EXIT_CODES } from "../../src/cli/exit-code.ts";
import {
  aimedAt,
  applyCases,
  file,
  layoutScript,
  makeWitness,
  readDirectory,
  tarScript,
  treeText,
  whiteoutCases,
} from "../../src/testing/index.ts";
import { run } from "../interop/oracle-trees.ts";
import { describeWith } from "../support/oracles.ts";
import { runStrata } from "./run-strata.ts";

const STRATA = join(ROOT, "dist/cli/main.js");

let home: string;
const at = (...names: readonly string[]): string => join(home, ...names);
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "bad-worlds-"));
});
// Deeper than Node's own goes.
afterEach(() => void run("sh", ["-c", 'rm -rf "$0"', home]));

interface Result {
  readonly status: number | null;
  readonly stderr: string;
}

/** The command as it is installed; `prefix` starts it. */
function strata(words: readonly string[], options: { input?: Uint8Array; prefix?: readonly string[] } = {}): Result {
  const { input, prefix = [] } = options;
  const [command = "", ...args] = [...prefix, process.execPath, STRATA, ...words];
  const { status, stderr } = spawnSync(command, args, { input, cwd: home, env: { ...process.env, TMPDIR: home } });
  return { status, stderr: stderr.toString() };
}

async function* streamOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

describeWith(["root", "getfattr"], "a hostile layer on stdin", () => {
  const all = [...applyCases.values(), ...whiteoutCases.values()].flat();
  const refused = all.filter(({ expected }) => "refusal" in expected);

  it("is one of many", () => expect(refused.length).toBeGreaterThan(10));

  it.each(refused.map((test) => [test.name, test] as const))(
    "%s ends with the code for its kind, and leaves the directory as it was",
    async (_, plain) => {
      const witness = makeWitness(home);
      const before = witness.state();
      const test = aimedAt(plain, witness.path);
      if (!("refusal" in test.expected)) throw new TypeError(test.name);
      mkdirSync(at("root"));
      const codes: number[] = [];
      let text = "";
      for (const steps of test.layers) {
        text = treeText(readDirectory(at("root")));
        const stdin = streamOf(tarScript(...steps));
        codes.push((await runStrata(["changeset", "apply", "--quiet", "-", at("root")], { stdin })).code);
        if (codes.at(-1) !== 0) break;
      }
      expect(codes.at(-1)).toBe(EXIT_CODES[test.expected.refusal.kind]);
      expect(treeText(readDirectory(at("root")))).toBe(text);
      expect(witness.state()).toBe(before);
    },
  );

  it("is refused by the built command in the same way", () => {
    ensureBuilt();
    mkdirSync(at("root"));
    const attack = tarScript(file("b", "1"), file("../../etc/cron.d/x", "2"));
    const { status, stderr } = strata(["changeset", "apply", "-", at("root")], { input: attack });
    expect(status).toBe(EXIT_CODES.hostile);
    expect(stderr).toContain("../../etc/cron.d/x");
    expect(readdirSync(at("root"))).toEqual([]);
  });

  it("whose names are too long for Linux is refused with the name, and the deepest path is not", async () => {
    const apply = async (name: string) =>
      await runStrata(["changeset", "apply", "-", at("root")], { stdin: streamOf(tarScript(file(name, "1"))) });
    const { code, stderr } = await apply("n".repeat(256));
    expect(code).toBe(EXIT_CODES.malformed);
    expect(stderr).toContain("it has a part of 256 bytes in its name, which Linux cannot hold");
    expect(existsSync(at("root"))).toBe(false);
    expect(await apply(`${"d/".repeat(3000)}f`)).toMatchObject({ code: 0 });
    const created = await runStrata(["changeset", "create", "", at("root")]);
    expect(created.code).toBe(0);
    mkdirSync(at("again"));
    expect(await runStrata(["changeset", "apply", "-", at("again")], { stdin: streamOf(created.bytes) })).toMatchObject(
      {
        code: 0,
      },
    );
    expect(run("sh", ["-c", "find again -type f | wc -c"], { cwd: home })).toBe(String(2 * 3000 + "again/f\n".length));
  });
});

describe("a directory that somebody writes to while its layer is made", () => {
  const SIZE = 20_000;
  /** Each does something to one file over and over, so that every run meets it. */
  const TROUBLES: Readonly<Record<string, string>> = {
    vanish: "fs.rmSync(path, { force: true }); fs.writeFileSync(path, data);",
    grow: "fs.appendFileSync(path, data);",
    shrink: "fs.truncateSync(path, Math.floor(Math.random() * 20000)); ",
  };

  it.each(Object.entries(TROUBLES))("(%s) is told, and never half a layer written", async (_, action) => {
    ensureBuilt();
    mkdirSync(at("tree"));
    for (let i = 0; i < 200; i++) writeFileSync(at("tree", String(i)), "x".repeat(SIZE));
    const script = `const fs = require("node:fs"); const data = "y".repeat(${SIZE}); process.send("on");
      for (;;) for (let i = 0; i < 200; i++) { const path = ${JSON.stringify(at("tree"))} + "/" + i; ${action} }`;
    const trouble = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    try {
      await once(trouble, "message");
      const { status, stderr } = strata(["changeset", "create", "", at("tree"), "-o", at("layer.tar")]);
      expect([0, EXIT_CODES["failed-precondition"]]).toContain(status);
      if (status === 0) run("tar", ["-tf", at("layer.tar")]);
      else expect(stderr).toMatch(/when its directory was listed|vanished/);
      expect(readdirSync(home).sort()).toEqual(status === 0 ? ["layer.tar", "tree"] : ["tree"]);
    } finally {
      trouble.kill("SIGKILL");
      await once(trouble, "exit");
    }
  });

  it("is told of a file that is gone when it is read, is none any more, or has another size", async () => {
    const { directoryTree, createChangeset } = await import("../../src/changeset/index.ts");
    const changes: Readonly<Record<string, (path: string) => void>> = {
      "is not there now": (path) => rmSync(path),
      "has 3 bytes now": (path) => truncateSync(path, 3),
      "has 6 bytes now": (path) => appendFileSync(path, "y"),
      "now and had 5": (path) => {
        rmSync(path);
        mkdirSync(path);
      },
    };
    for (const [message, change] of Object.entries(changes)) {
      rmSync(at("tree"), { recursive: true, force: true });
      mkdirSync(at("tree"));
      writeFileSync(at("tree", "file"), "12345");
      const changeset = await createChangeset(undefined, await directoryTree(at("tree")));
      change(at("tree", "file"));
      const read = async (): Promise<void> => {
        for await (const chunk of changeset.tar()) expect(chunk.length).toBeGreaterThan(0);
      };
      await expect(read()).rejects.toMatchObject({ code: "file-changed", message: expect.stringContaining(message) });
    }
  });
});

describeWith(["root"], "somebody who may not read all of a tree", () => {
  it("gets the name of the file, and no layer", () => {
    ensureBuilt();
    const prefix = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    chmodSync(home, 0o777);
    mkdirSync(at("tree"));
    writeFileSync(at("tree", "secret"), "s", { mode: 0o600 });
    const words = ["changeset", "create", "", at("tree"), "-o", at("layer.tar")];
    const { status, stderr } = strata(words, { prefix });
    expect(status).toBe(EXIT_CODES["failed-precondition"]);
    expect(stderr).toContain(`Cannot read ${at("tree", "secret")}: permission denied`);
    expect(readdirSync(home)).toEqual(["tree"]);
    chmodSync(at("tree", "secret"), 0o644);
    expect(strata(words, { prefix }).status).toBe(0);
  });
});

describeWith(["root"], "a user whom the machine does not know by name", () => {
  it("reads, keeps and unpacks images, as in a container that runs as some number", () => {
    ensureBuilt();
    const prefix = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups"];
    chmodSync(home, 0o777);
    const sample = join(ROOT, "examples/layers/image.tar");
    for (const words of [
      ["ls", sample],
      ["load", "-q", "-i", sample, "--root", at("store")],
      ["images", "--root", at("store")],
      ["unpack", "-q", sample, at("unpacked")],
    ]) {
      expect({ words, ...strata(words, { prefix }) }).toMatchObject({ words, status: 0 });
    }
  });
});

describeWith(["mount"], "a disk without room", () => {
  const BYTES = 3_000_000;
  beforeEach(() => {
    mkdirSync(at("small"));
    mkdirSync(at("tree"));
    writeFileSync(at("tree", "big"), Buffer.from(Array.from({ length: BYTES }, (_, i) => (i * i * 31) >> 7)));
    run("mount", ["-t", "tmpfs", "-o", "size=1M", "none", at("small")]);
  });
  afterEach(() => void run("umount", [at("small")]));

  it("gets no part of a layer, nor of one that is applied, and is named", async () => {
    const created = await runStrata(["changeset", "create", "", at("tree"), "-o", at("small/layer.tar")]);
    expect(created).toMatchObject({ code: EXIT_CODES.unavailable });
    expect(created.stderr).toContain(`Cannot write ${at("small/layer.tar")}: no space is left on the device`);
    expect(readdirSync(at("small"))).toEqual([]);
    await runStrata(["changeset", "create", "", at("tree"), "-o", at("layer.tar")]);
    mkdirSync(at("small/root"));
    writeFileSync(at("small/root/kept"), "kept");
    for (const place of ["small/root", "small/new"]) {
      const applied = await runStrata(["changeset", "apply", at("layer.tar"), at(place)]);
      expect(applied).toMatchObject({ code: EXIT_CODES.unavailable });
      expect(applied.stderr).toMatch(/: 30\d\d\d\d\d bytes are needed and \d+ are available/);
    }
    expect(readdirSync(at("small"), { recursive: true })).toEqual(["root", join("root", "kept")]);
  });

  it("gets no image that was edited, and one whose work finds no room is nowhere", async () => {
    for (const [path, bytes] of layoutScript([tarScript(file("a", "1"))]).files) {
      mkdirSync(join(at("image", path), ".."), { recursive: true });
      writeFileSync(at("image", path), bytes);
    }
    const edit = ["edit", `oci:${at("image")}:latest`, "--cp", `${at("tree/big")}:/big`, "--compression=none", "-t"];
    const archive = await runStrata([...edit, `oci-archive:${at("small/image.tar")}:v1`]);
    expect(archive).toMatchObject({ code: EXIT_CODES.unavailable });
    expect(archive.stderr).toContain("no space is left on the device");
    expect(readdirSync(at("small"))).toEqual([]);
    expect((await runStrata([...edit, `oci:${at("small/layout")}:v1`])).code).toBe(EXIT_CODES.unavailable);
    // What was transferred is kept for another try; it is no image.
    expect(existsSync(at("small/layout/index.json"))).toBe(false);
    ensureBuilt();
    const words = [...edit, `oci:${at("other")}:v1`];
    const { status, stderr } = strata(words, { prefix: ["env", `TMPDIR=${at("small")}`] });
    expect(status).toBe(EXIT_CODES.unavailable);
    expect(stderr).toContain("no space is left on the device");
    expect(existsSync(at("other"))).toBe(false);
  });
});
