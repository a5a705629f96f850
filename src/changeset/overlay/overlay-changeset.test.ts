import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { directoryLines, listedLines } from "../../../test/support/listed-lines.ts";
import { describeWith } from "../../../test/support/oracles.ts";
import { OverlayYard, type TestOverlay } from "../../../test/support/overlay-yard.ts";
import { fromText, memorySource } from "../../base/index.ts";
import { createMemoryScratch } from "../../content/index.ts";
import { copyTree } from "../../directory/index.ts";
import { makeSpecialFile, setFileTimes, unmount, writeXattr } from "../../linux/index.ts";
import { readTar } from "../../tar/index.ts";
import {
  applyChangesets,
  type Changeset,
  changesetOfDirectories,
  createOverlayChangeset,
  overlayMountAt,
  overlayTree,
} from "../index.ts";

/** `u::rw-,u:7:rw-,g::r--,m::rw-,o::r--` (acl(5), in the form of the kernel). */
const ACL = Buffer.from(
  "0200000001000600ffffffff020006000700000004000400ffffffff10000600ffffffff20000400ffffffff",
  "hex",
);

const ROOT_TIME = { seconds: 1_600_000_000, nanoseconds: 0 };

async function bytesOf(changeset: Changeset): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of changeset.tar()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function namesIn(changeset: Changeset): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of readTar(memorySource(await bytesOf(changeset)))) names.push(entry.name);
  return names;
}

const linesOf = ({ changes }: Changeset): string[] =>
  changes.map(({ kind, path, fields }) => `${kind} ${path}${fields.length > 0 ? ` (${fields.join(" ")})` : ""}`);

describeWith(["root", "mount"], "an overlay's upper directory", () => {
  let yard: OverlayYard;
  beforeAll(() => {
    yard = new OverlayYard();
  });
  afterAll(() => yard[Symbol.dispose]());

  /** A lower with some of everything. */
  const makeLower = (): string => {
    const lower = yard.make("lower");
    mkdirSync(join(lower, "dir/sub/deep"), { recursive: true });
    mkdirSync(join(lower, "empty"));
    writeFileSync(join(lower, "file"), "file");
    writeFileSync(join(lower, "dir/a"), "a");
    writeFileSync(join(lower, "dir/b"), "b");
    writeFileSync(join(lower, "dir/sub/c"), "c");
    writeFileSync(join(lower, "dir/sub/deep/d"), "d".repeat(5000));
    writeFileSync(join(lower, "big"), Buffer.alloc(300_000, 7));
    linkSync(join(lower, "dir/a"), join(lower, "dir/a-link"));
    symlinkSync("dir/a", join(lower, "link"));
    for (const name of ["", "dir", "dir/sub", "dir/sub/deep", "empty", "file", "dir/a", "dir/b", "big"]) {
      utimesSync(join(lower, name), 1_600_000_000, 1_600_000_000);
    }
    return lower;
  };

  /** Applied to a copy of the lowers, the changeset gives what the kernel shows; so does the tree that is made without it. */
  async function assertTold({ lowers, upper, merged, options }: TestOverlay): Promise<Changeset> {
    const shown = await directoryLines(merged);
    const place = { lowers, upper };
    expect(await listedLines(await overlayTree(place))).toEqual(shown);
    const changeset = await createOverlayChangeset(place);
    const copy = join(yard.make("copy"), "root");
    const before = yard.mount(lowers, options);
    await copyTree(before.merged, copy);
    unmount(fromText(before.merged));
    // The root of what was mounted is that of its upper.
    setFileTimes(fromText(copy), ROOT_TIME, ROOT_TIME);
    const tar = await bytesOf(changeset);
    await using scratch = createMemoryScratch();
    await applyChangesets(copy, [() => Readable.from([tar])], { scratch });
    expect(await directoryLines(copy)).toEqual(shown);
    expect((await bytesOf(await createOverlayChangeset(place))).equals(tar)).toBe(true);
    rmSync(copy, { recursive: true });
    return changeset;
  }

  it("says nothing where nothing was written", async () => {
    const overlay = yard.mount([makeLower()]);
    chmodSync(overlay.upper, lstatSync(overlay.lowers[0] as string).mode);
    utimesSync(overlay.upper, 1_600_000_000, 1_600_000_000);
    const changeset = await assertTold(overlay);
    expect(changeset.isEmpty).toBe(true);
    expect(await namesIn(changeset)).toEqual([]);
  });

  it("tells what was added, changed and removed, with the directories above it", async () => {
    const overlay = yard.mount([makeLower()]);
    writeFileSync(join(overlay.merged, "dir/sub/new"), "new");
    rmSync(join(overlay.merged, "dir/b"));
    rmSync(join(overlay.merged, "dir/sub/deep"), { recursive: true });
    chmodSync(join(overlay.merged, "file"), 0o600);
    const changeset = await assertTold(overlay);
    expect(linesOf(changeset).slice(1)).toEqual([
      "modified dir (mtime)",
      "deleted dir/b",
      "modified dir/sub (mtime)",
      "deleted dir/sub/deep",
      "added dir/sub/new",
      "modified file (mode)",
    ]);
  });

  it("leaves out files that were copied up and are as they were", async () => {
    const overlay = yard.mount([makeLower()]);
    for (const name of ["file", "dir/sub/deep/d"]) closeSync(openSync(join(overlay.merged, name), "r+"));
    expect(readdirSync(overlay.upper)).toContain("file");
    const changeset = await assertTold(overlay);
    expect(linesOf(changeset).filter((line) => !line.startsWith("modified  "))).toEqual([]);
  });

  it("hides with an opaque mark what was in a directory that was replaced, and only then", async () => {
    const overlay = yard.mount([makeLower()]);
    rmSync(join(overlay.merged, "dir"), { recursive: true });
    mkdirSync(join(overlay.merged, "dir/sub"), { recursive: true });
    writeFileSync(join(overlay.merged, "dir/b"), "b");
    writeFileSync(join(overlay.merged, "dir/sub/c"), "other");
    rmSync(join(overlay.merged, "empty"), { recursive: true });
    mkdirSync(join(overlay.merged, "empty"));
    mkdirSync(join(overlay.merged, "fresh/inner"), { recursive: true });
    const changeset = await assertTold(overlay);
    expect((await namesIn(changeset)).filter((name) => name.includes(".wh."))).toEqual(["dir/.wh..wh..opq"]);
    expect(linesOf(changeset)).toEqual(
      expect.arrayContaining(["deleted dir/a", "deleted dir/sub/deep", "added fresh/inner"]),
    );
  });

  it("tells a new name of an old file together with the file", async () => {
    const overlay = yard.mount([makeLower()]);
    linkSync(join(overlay.merged, "file"), join(overlay.merged, "z-link"));
    linkSync(join(overlay.merged, "dir/b"), join(overlay.merged, "a-link"));
    await assertTold(overlay);
  });

  for (const options of [[], ["redirect_dir=on", "metacopy=on"], ["redirect_dir=on", "index=off"]]) {
    it(`follows renamed directories and finds data that stayed below (${options.join(",") || "kernel's choice"})`, async () => {
      const overlay = yard.mount([makeLower()], options);
      const at = (name: string): string => join(overlay.merged, name);
      const move = (from: string, to: string): void => {
        execFileSync("mv", ["-T", at(from), at(to)]);
      };
      chmodSync(at("big"), 0o600);
      chownSync(at("dir/sub/deep/d"), 5, 6);
      move("dir/sub", "dir/moved");
      move("dir", "elsewhere");
      move("elsewhere/moved/deep", "top");
      writeFileSync(at("elsewhere/moved/more"), "more");
      mkdirSync(at("dir"));
      writeFileSync(at("dir/b"), "another b");
      move("big", "dir/large");
      if (options.length > 0)
        expect(
          execFileSync("getfattr", ["-R", "--absolute-names", "-d", "-m", "overlay.redirect", overlay.upper]).length,
        ).toBeGreaterThan(0);
      await assertTold(overlay);
    });
  }

  it("resolves what several layers renamed", async () => {
    const options = ["redirect_dir=on", "metacopy=on"];
    const first = yard.mount([makeLower()], options);
    renameSync(join(first.merged, "dir"), join(first.merged, "one"));
    chmodSync(join(first.merged, "big"), 0o640);
    unmount(fromText(first.merged));
    const second = yard.mount([first.upper, ...first.lowers], options);
    renameSync(join(second.merged, "one/sub"), join(second.merged, "two"));
    chownSync(join(second.merged, "big"), 9, 9);
    mkdirSync(join(second.merged, "one/sub"));
    await assertTold(second);
    unmount(fromText(second.merged));
    const third = yard.mount([second.upper, ...second.lowers], options);
    renameSync(join(third.merged, "two"), join(third.merged, "empty/three"));
    renameSync(join(third.merged, "empty"), join(third.merged, "full"));
    renameSync(join(third.merged, "big"), join(third.merged, "full/three/deep/big"));
    rmSync(join(third.merged, "full/three/c"));
    await assertTold(third);
  });

  it("keeps devices, pipes, attributes, and what an overlay inside noted", async () => {
    const overlay = yard.mount([makeLower()]);
    const at = (name: string): string => join(overlay.merged, name);
    makeSpecialFile(fromText(at("null")), { type: "char", mode: 0o666, major: 1, minor: 3 });
    makeSpecialFile(fromText(at("pipe")), { type: "fifo", mode: 0o600 });
    writeXattr(fromText(at("file")), "user.note", Buffer.from("x"));
    writeXattr(fromText(at("dir/b")), "trusted.other", Buffer.from("y"));
    writeXattr(fromText(at("empty")), "trusted.overlay.opaque", Buffer.from("y"));
    writeXattr(
      fromText(at("file")),
      "security.capability",
      Buffer.from("0100000200040000000000000000000000000000", "hex"),
    );
    writeXattr(fromText(at("big")), "system.posix_acl_access", ACL);
    const changeset = await assertTold(overlay);
    expect(linesOf(changeset)).toContain("modified empty (xattrs)");
  });

  for (const options of [
    ["redirect_dir=on", "metacopy=on", "index=off"],
    ["redirect_dir=off", "metacopy=off"],
  ]) {
    it(`is told, whatever was done in two layers (${options.join(",")})`, async () => {
      const script = fc.array(STEP, { minLength: 1, maxLength: 14 });
      await fc.assert(
        fc.asyncProperty(script, script, async (below, above) => {
          const first = yard.mount([makeLower()], options);
          for (const step of below) act(first.merged, step);
          await assertTold(first);
          unmount(fromText(first.merged));
          const second = yard.mount([first.upper, ...first.lowers], options);
          for (const step of above) act(second.merged, step);
          await assertTold(second);
          unmount(fromText(second.merged));
        }),
        { numRuns: 12 },
      );
    });
  }

  it("of fuse-overlayfs tells deletions by names too", async () => {
    const [lower, upper] = [makeLower(), yard.make("upper")];
    mkdirSync(join(upper, "dir"));
    writeFileSync(join(upper, "dir/.wh..wh..opq"), "");
    writeFileSync(join(upper, "dir/b"), "new b");
    writeFileSync(join(upper, ".wh.file"), "");
    mkdirSync(join(upper, "fresh"));
    writeXattr(fromText(join(upper, "fresh")), "user.fuseoverlayfs.opaque", Buffer.from("y"));
    const changeset = await createOverlayChangeset({ lowers: [lower], upper }, { style: "fuse-overlayfs" });
    expect((await namesIn(changeset)).slice(1)).toEqual(["dir/", "dir/.wh..wh..opq", "dir/b", ".wh.file", "fresh/"]);
    expect(linesOf(changeset)).toEqual(expect.arrayContaining(["deleted dir/a", "deleted dir/sub", "deleted file"]));
  });

  it("is found by itself where its mount is compared with its lower", async () => {
    const overlay = yard.mount([makeLower()]);
    rmSync(join(overlay.merged, "dir"), { recursive: true });
    mkdirSync(join(overlay.merged, "dir"));
    const [lower] = overlay.lowers as [string];
    expect(overlayMountAt(overlay.merged)).toMatchObject({ lowers: [lower], upper: overlay.upper });
    expect(overlayMountAt(lower)).toBeUndefined();
    const native = await changesetOfDirectories(lower, overlay.merged);
    expect(await namesIn(native)).toContain("dir/.wh..wh..opq");
    const other = await changesetOfDirectories(makeLower(), overlay.merged);
    expect(await namesIn(other)).toContain("dir/.wh.sub");
  });

  it("whose lowers are not all named ends in an error where data is missing", async () => {
    const overlay = yard.mount([makeLower()], ["metacopy=on", "redirect_dir=on"]);
    chmodSync(join(overlay.merged, "big"), 0o600);
    const place = { lowers: [yard.make("empty")], upper: overlay.upper };
    await expect(createOverlayChangeset(place)).rejects.toMatchObject({ code: "overlay-data-missing" });
  });
});

const PATHS = (
  "file dir dir/a dir/a-link dir/b dir/sub dir/sub/c dir/sub/deep dir/sub/deep/d empty " +
  "big link new new/inner empty/x dir/sub/y"
).split(" ");
const PATH = fc.constantFrom(...PATHS);
const STEP = fc.record({
  do: fc.constantFrom(
    "write",
    "append",
    "remove",
    "mkdir",
    "rename",
    "rename",
    "link",
    "symlink",
    "chmod",
    "chown",
    "replace",
  ),
  at: PATH,
  to: PATH,
});

/** What the file system refuses is not done. */
function act(root: string, step: { readonly do: string; readonly at: string; readonly to: string }): void {
  const [at, to] = [join(root, step.at), join(root, step.to)];
  try {
    if (step.do === "write") writeFileSync(at, `written ${step.to}`);
    if (step.do === "append") appendFileSync(at, "more");
    if (step.do === "remove" || step.do === "replace") rmSync(at, { recursive: true });
    if (step.do === "mkdir" || step.do === "replace") mkdirSync(at);
    if (step.do === "rename") renameSync(at, to);
    if (step.do === "link") linkSync(at, to);
    if (step.do === "symlink") symlinkSync(step.to, at);
    if (step.do === "chmod") chmodSync(at, 0o711);
    if (step.do === "chown") chownSync(at, 5, 6);
  } catch {}
}
