import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ensureBuilt, ROOT } from "../../scripts/setup.mjs";
import { createLayer } from "../../src/index.ts";
import { makeBtrfs } from "../support/btrfs-place.ts";
import { describeWith } from "../support/oracles.ts";
import { makeScratchMount } from "../support/scratch-mount.ts";
import { changeBase } from "./create-peers.ts";
import { run } from "./oracle-trees.ts";

const STRATA = join(ROOT, "dist/cli/main.js");

/** Enough data that compressing and hashing is worth a second processor, many names in one directory, holes and links. */
const LOWER = `
umask 022; mkdir -p many deep/er
i=0; while [ $i -lt 300 ]; do echo $i > many/$i; i=$((i+1)); done
seq 1 600000 > numbers; ln numbers deep/er/numbers; truncate -s 3M hole; printf x >> hole
setfattr -n user.b -v 2 numbers; setfattr -n user.a -v 1 numbers; setfattr -n user.c -v 3 many
find . -exec touch -h -d '2020-01-01 00:00:00.5Z' {} +
`;
const UPPER = `
umask 022; rm -r many/1*; seq 1 700000 > more; echo x >> deep/er/numbers; mkdir -p a/b; cp hole a/b/hole
find . -newermt 2021-01-01 -exec touch -h -d '2022-01-01 00:00:00.25Z' {} +
`;

/** Copies a tree so that its names were made in another order, and directories list them in another. */
const REVERSED = `
mkdir "$1"; cd "$0"; find . -depth -type d | sort -r | while read -r d; do mkdir -p "$1/$d"; done
find . ! -type d | sort -r | tar --no-recursion -cSf - -T - --xattrs | tar -C "$1" -xSf - --xattrs
find . -type d | sort -r | tar --no-recursion -cf - -T - --xattrs | tar -C "$1" -xf - --xattrs
`;

const needs = ["tar", "getfattr", "setfattr", "mkfs.btrfs", "root", "mount"] as const;
describeWith(needs, "two trees on any machine", () => {
  const disposers: (() => void)[] = [];
  const places: string[] = [];
  beforeAll(() => {
    ensureBuilt();
    const [memory, btrfs, disk] = [makeScratchMount(), makeBtrfs(), mkdtempSync(join(tmpdir(), "digest-"))];
    disposers.push(
      () => memory[Symbol.dispose](),
      () => btrfs[Symbol.dispose](),
      () => rmSync(disk, { recursive: true }),
    );
    const first = memory.directory;
    mkdirSync(join(first, "lower"));
    run("sh", ["-ec", LOWER], { cwd: join(first, "lower") });
    run("cp", ["-a", join(first, "lower"), join(first, "upper")]);
    run("sh", ["-ec", UPPER], { cwd: join(first, "upper") });
    for (const other of [btrfs.directory, disk]) {
      for (const tree of ["lower", "upper"]) run("cp", ["-a", join(first, tree), join(other, tree)]);
    }
    const reversed = join(first, "reversed");
    mkdirSync(reversed);
    for (const tree of ["lower", "upper"]) {
      run("sh", ["-ec", REVERSED, join(first, tree), join(reversed, tree)]);
    }
    places.push(first, reversed, btrfs.directory, disk);
  });
  afterAll(() => {
    for (const dispose of disposers) dispose();
  });

  it.each(["none", "gzip", "zstd"] as const)("have one layer, compressed with %s", async (compression) => {
    const digests = new Set<string>();
    for (const place of places) {
      const layer = await createLayer(join(place, "lower"), join(place, "upper"), { compression });
      const hash = createHash("sha256");
      for await (const chunk of layer.bytes()) hash.update(chunk);
      digests.add(hash.digest("hex"));
    }
    expect([...digests]).toHaveLength(1);
  });

  it.each(["none", "gzip", "zstd"])("have one layer on one processor and on all, compressed with %s", (compression) => {
    const [place] = places as [string];
    const words = ["changeset", "create", `--compression=${compression}`, `${place}/lower`, `${place}/upper`];
    const digests = [[], ["taskset", "-c", "0"]].map((prefix) => digestOf(strata(prefix, words)));
    expect(new Set(digests).size).toBe(1);
    expect(digests[0]).not.toBe(digestOf(Buffer.alloc(0)));
  });

  it("have one image after the same edits, on one processor and on all", async () => {
    const [place] = places as [string];
    const home = join(place, "image");
    mkdirSync(home);
    const base = join(home, "base.tar");
    await (await createLayer("", join(place, "lower"))).writeTo(base);
    const { layout } = changeBase(home, base);
    const edits: readonly (readonly [verb: string, options: readonly string[], paths: readonly string[]])[] = [
      ["edit", ["--cp", `${place}/upper:/upper`, "--rm", "/many", "--env", "A=1"], []],
      ["squash", [], []],
      ["purge", [], ["/many"]],
      ["normalise", [], []],
    ];
    for (const [verb, options, paths] of edits) {
      const digests = [[], ["taskset", "-c", "0"]].map((prefix, i) => {
        const to = join(home, `${verb}-${i}`);
        strata(prefix, [verb, "--quiet", ...options, "-t", `oci:${to}:v1`, `oci:${layout}:latest`, ...paths]);
        return readFileSync(join(to, "index.json"), "utf8");
      });
      expect(digests[1], verb).toBe(digests[0]);
    }
  });

  function strata(prefix: readonly string[], words: readonly string[]): Buffer {
    const [command = "", ...args] = [...prefix, process.execPath, STRATA, ...words];
    const env = { ...process.env, SOURCE_DATE_EPOCH: "1700000000", XDG_CACHE_HOME: join(places[0] as string, "cache") };
    const { status, stdout, stderr } = spawnSync(command, args, { env, maxBuffer: 1 << 28 });
    if (status !== 0) throw new Error(`${words.join(" ")}: ${stderr.toString()}`);
    return stdout;
  }
});

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
