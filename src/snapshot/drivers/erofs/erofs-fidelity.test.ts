import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { tameLayers } from "../../../../test/property/random-layers.ts";
import { type ErofsPlace, makeErofsPlace } from "../../../../test/support/erofs-place.ts";
import { erofsWorkbench, treeOf } from "../../../../test/support/erofs-workbench.ts";
import { describeWith } from "../../../../test/support/oracles.ts";
import { makeScratchMount, type ScratchMount } from "../../../../test/support/scratch-mount.ts";
import { makeSpecialFile, setFileTimes, writeXattr } from "../../../linux/index.ts";
import {
  block,
  char,
  dir,
  fifo,
  file,
  hardlink,
  symlink,
  tarScript,
  whiteout,
  whiteoutCases,
} from "../../../testing/index.ts";

describeWith(["root", "mount", "getfattr"], "what snapshots of EROFS show", () => {
  let place: ErofsPlace;
  let memory: ScratchMount;
  beforeEach(async () => {
    // In memory, where syncs cost nothing; the kernel mounts from there through loop devices.
    memory = makeScratchMount();
    place = await makeErofsPlace(memory.directory);
  });
  afterEach(async () => {
    await place[Symbol.asyncDispose]();
    memory[Symbol.dispose]();
  });

  const { shown, changed } = erofsWorkbench(() => place);

  it("show the merged tree of every case made by hand", async () => {
    for (const test of [...whiteoutCases.values()].flat()) {
      if ("refusal" in test.expected) continue;
      const { tars, text } = treeOf(test.layers);
      expect(await shown(await place.addImage(tars)), test.name).toBe(text);
    }
  });

  it("show every type, owner, time and attribute that a layer can say", async () => {
    const long = "n".repeat(255);
    const { tars, text } = treeOf([
      [
        dir("", { mode: 0o751, uid: 3, mtime: { seconds: 1, nanoseconds: 1 }, xattrs: { "user.root": "r" } }),
        dir("dev", { mode: 0o1777 }),
        char("dev/null", [1, 3], { mode: 0o666 }),
        char("dev/large", [4095, 1_048_575]),
        block("dev/sda", [8, 0], { gid: 6 }),
        fifo("dev/pipe", { mode: 0o600 }),
        file("ids", "1", { uid: 4_294_967_294, gid: 3_000_000_000 }),
        file("setuid", "#!", { mode: 0o6755, xattrs: { "security.capability": CAPABILITY } }),
        file("empty", "", { mtime: { seconds: -5, nanoseconds: 999_999_999 } }),
        file("later", "", { mtime: { seconds: 4_300_000_000, nanoseconds: 1 } }),
        file("x", "a".repeat(1_500_000)),
        hardlink("y", "x"),
        file(long, "long"),
        file("bytes-\xff\xfe \n", "no UTF-8"),
        file("attributes", "", { xattrs: { "user.a": "\x00\xff", "trusted.b": "t", "user.empty": "" } }),
        symlink("link", "../".repeat(200)),
        symlink("short", "x", { xattrs: { "trusted.c": "1" } }),
      ],
      [hardlink("z", "x"), whiteout("y"), dir("dev", { mode: 0o700 })],
    ]);
    expect(await shown(await place.addImage(tars))).toBe(text);
  });

  it("show the merged tree of random layers, and commit what is changed on it at random", async () => {
    await fc.assert(
      fc.asyncProperty(
        tameLayers({ parents: false, linksToLower: true, markersFirst: false }),
        fc.array(change, { maxLength: 12 }),
        async (layers, changes) => {
          const { tars, text } = treeOf(layers);
          const image = await place.addImage(tars);
          expect(await shown(image)).toBe(text);
          const { seen, name } = await changed(image, (root) => {
            for (const one of changes) act(root, one);
          });
          expect(await shown(name)).toBe(seen);
        },
      ),
      { numRuns: 15 },
    );
  });

  it("keep everything that a file can be through a commit", async () => {
    const image = await place.addImage([
      tarScript(dir(""), file("low", "low", { mode: 0o644 }), hardlink("low2", "low")),
    ]);
    const { seen, name } = await changed(image, (root) => {
      const at = (path: string): string => join(root, path);
      writeFileSync(at("low2"), "copied up");
      writeFileSync(at("caps"), "");
      chownSync(at("caps"), 70_000, 80_000);
      chmodSync(at("caps"), 0o6711);
      writeXattr(at("caps"), "security.capability", Buffer.from(CAPABILITY, "latin1"));
      writeXattr(at("caps"), "user.\xff", Buffer.from("bytes"));
      setFileTimes(at("caps"), { seconds: 0, nanoseconds: 0 }, { seconds: -7, nanoseconds: 123_456_789 });
      makeSpecialFile(at("device"), { type: "char", mode: 0o600, major: 259, minor: 70_000 });
      makeSpecialFile(at("pipe"), { type: "fifo", mode: 0o644 });
      symlinkSync("/nowhere", at("link"));
      writeFileSync(Buffer.from(`${root}/\xff`, "latin1"), "name");
      execFileSync("truncate", ["-s", "3M", at("sparse")]);
    });
    expect(await shown(name)).toBe(seen);
  });
});

/** cap_net_raw=ep, revision 2. */
const CAPABILITY = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

interface Change {
  readonly what: "write" | "mkdir" | "remove" | "rename" | "symlink" | "link" | "chmod" | "chown" | "touch" | "xattr";
  readonly path: string;
  readonly other: string;
  readonly number: number;
}

const path = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const change: fc.Arbitrary<Change> = fc.record({
  what: fc.constantFrom("write", "mkdir", "remove", "rename", "symlink", "link", "chmod", "chown", "touch", "xattr"),
  path,
  other: path,
  number: fc.nat({ max: 7 }),
});

/** One change, if it can be made; nothing is followed out of the tree. */
function act(root: string, { what, path: name, other, number }: Change): void {
  const path = join(root, name);
  try {
    if (lstatSync(join(path, "..")).isSymbolicLink()) return;
    if (what === "write" && !lstatSync(path, { throwIfNoEntry: false })?.isFile())
      writeFileSync(path, `${number}`, { flag: "wx" });
    else if (what === "write") writeFileSync(path, `${number}`);
    else if (what === "mkdir") mkdirSync(path);
    else if (what === "remove") rmSync(path, { recursive: true });
    else if (what === "rename") renameSync(path, join(root, other));
    else if (what === "symlink") symlinkSync(other, path);
    else if (what === "link") linkSync(path, join(root, other));
    else if (lstatSync(path).isSymbolicLink()) return;
    else if (what === "chmod") chmodSync(path, 0o700 + number);
    else if (what === "chown") chownSync(path, number, number);
    else if (what === "touch") utimesSync(path, number, number);
    else writeXattr(path, "user.x", Buffer.from(`${number}`));
  } catch (error) {
    if (!("code" in (error as object))) throw error;
  }
}
