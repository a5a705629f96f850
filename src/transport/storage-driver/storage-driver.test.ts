import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, utimesSync } from "node:fs";
import { chmod, link, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeWith } from "../../../test/support/oracles.ts";
import { fromText, readAll, toText } from "../../base/index.ts";
import { type UpperDirectory, type UpperStyle, upperDirectory } from "../../directory/index.ts";
import type { ListedLayer } from "../../layer/index.ts";
import { planChangeset } from "../../layer/index.ts";
import { makeSpecialFile, writeXattr } from "../../linux/index.ts";
import { confinedDirectory } from "./confined-directory.ts";
import { copyDifference } from "./copy-difference.ts";
import { storageFiles } from "./storage-files.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "storage-driver-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));
const at = (name: string): string => join(root, name);

async function put(name: string, content = name): Promise<void> {
  await mkdir(join(at(name), ".."), { recursive: true });
  await writeFile(at(name), content);
}

/** What a layer removes and places, as text: `- name`, `- directory/*`, `+ name`. */
async function changesOf({ whiteouts, load }: UpperDirectory): Promise<string[]> {
  const { index } = await load();
  const plan = planChangeset(index, whiteouts);
  const path = (directory: string, name: string): string => (directory === "" ? name : `${directory}/${name}`);
  const removed = plan.removals.map(
    (removal) => `- ${path(removal.directory, removal.kind === "opaque" ? "*" : removal.name)}`,
  );
  const placed = [...plan.placements].map((placement) =>
    placement.kind === "put" || placement.kind === "link"
      ? `+ ${path(placement.directory, placement.name)}`
      : placement.kind,
  );
  return [...removed, ...placed].filter((text) => text !== "root").map(toText);
}

describe("a confined directory", () => {
  const read = async (name: string): Promise<string | undefined> => {
    const source = await confinedDirectory(at("in")).open(fromText(name));
    if (source === undefined) return undefined;
    await using _ = source;
    return Buffer.from(await readAll(source)).toString();
  };
  beforeEach(async () => {
    await put("outside", "secret");
    await put("in/a/b/file", "inside");
    await put("in/file", "root");
  });

  it("has the files below it, however their names are spelled", async () => {
    for (const name of ["a/b/file", "./a/b/file", "/a//b/./file", "a/b/../b/file"])
      expect(await read(name), name).toBe("inside");
    for (const name of ["a", "a/b", "", "none", "a/file", "file/x"]) expect(await read(name), name).toBe(undefined);
  });

  it("follows directories that are symlinks inside of itself, and nowhere else", async () => {
    await symlink("a", at("in/relative"));
    await symlink("/a/b", at("in/absolute"));
    await symlink("../../../../a", at("in/a/climbing"));
    await symlink("chain2", at("in/chain1"));
    await symlink("relative", at("in/chain2"));
    for (const name of ["relative/b/file", "absolute/file", "a/climbing/b/file", "chain1/b/file"])
      expect(await read(name), name).toBe("inside");
    await symlink(root, at("in/host"));
    await symlink("..", at("in/up"));
    for (const name of ["host/outside", "up/outside"]) expect(await read(name), name).toBe(undefined);
    expect(await read("up/file")).toBe("root");
  });

  it("takes no symlink for a file, and no loop for a way", async () => {
    await symlink("file", at("in/link"));
    await symlink("loop", at("in/loop"));
    for (const name of ["link", "loop", "loop/file"]) expect(await read(name), name).toBe(undefined);
  });

  it("refuses names that climb out", async () => {
    await expect(read("../outside")).rejects.toMatchObject({ code: "path-escapes-root", kind: "hostile" });
    await expect(read("a/../../outside")).rejects.toMatchObject({ code: "path-escapes-root" });
  });

  it("does not wait for a pipe that nobody writes to", async () => {
    execFileSync("mkfifo", [at("in/pipe")]);
    expect(await read("pipe")).toBe(undefined);
  });

  it("cannot be read once it was closed", async () => {
    const source = (await confinedDirectory(at("in")).open("file"))!;
    await source[Symbol.asyncDispose]();
    await source[Symbol.asyncDispose]();
    await expect(readAll(source)).rejects.toMatchObject({ code: "source-closed" });
  });
});

describe("records", () => {
  it("of one line are checked, and never repeated in errors", async () => {
    await put("record", "  secret\n");
    const files = storageFiles(root);
    expect(await files.line("record", /^secret$/)).toBe("secret");
    expect(await files.line("none", /x/)).toBe(undefined);
    const error = await files.line("record", /^[0-9]+$/).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "storage-malformed", details: { path: at("record") } });
    expect(String(error)).not.toContain("secret");
  });
});

describe("the difference of two copies", () => {
  beforeEach(async () => {
    for (const name of ["same", "dir/gone", "dir/kept", "dir/sub/x", "replaced/y", "first", "mode", "content"])
      await put(`below/${name}`);
    await link(at("below/first"), at("below/second"));
    await symlink("same", at("below/link"));
    execFileSync("cp", ["-a", at("below"), at("copy")]);
  });
  const difference = (): UpperDirectory => copyDifference(at("below"), at("copy"));

  it("is nothing for equal ones", async () => {
    expect(await changesOf(difference())).toEqual([]);
  });

  it("is what was added, changed and removed, and its files can be read", async () => {
    await rm(at("copy/dir/gone"));
    await rm(at("copy/dir/sub"), { recursive: true });
    await rm(at("copy/replaced"), { recursive: true });
    await put("copy/replaced");
    await put("copy/new/z", "new");
    await chmod(at("copy/mode"), 0o600);
    await put("copy/content", "CONTENT");
    await rm(at("copy/link"));
    await symlink("other", at("copy/link"));
    const changes = await changesOf(difference());
    expect(changes).toEqual([
      "- dir/gone",
      "- dir/sub",
      "+ content",
      "+ dir",
      "+ link",
      "+ mode",
      "+ new",
      "+ new/z",
      "+ replaced",
    ]);
    const { index, open } = await difference().load();
    const entry = Array.from({ length: index.count }, (_, i) => index.name(i)).indexOf("new/z");
    await using source = await open(entry);
    expect(Buffer.from(await readAll(source)).toString()).toBe("new");
  });

  it("has every name of a file that changed", async () => {
    await writeFile(at("copy/second"), "FIRST");
    expect(await changesOf(difference())).toEqual(["+ first", "+ second"]);
  });

  it("does not see what an archive of whole seconds forgot", async () => {
    utimesSync(at("below/same"), 5, 5.5);
    utimesSync(at("copy/same"), 5, 5);
    expect(await changesOf(difference())).toEqual([]);
    utimesSync(at("copy/same"), 5, 5.25);
    expect(await changesOf(difference())).toEqual(["+ same"]);
  });

  it("is everything where nothing lies below", async () => {
    expect(await changesOf(copyDifference(undefined, at("copy")))).toContain("+ dir/sub/x");
  });
});

describe("an upper directory", () => {
  const changes = (style: UpperStyle): Promise<string[]> => changesOf(upperDirectory(at("upper"), style));

  it("of aufs has markers by name, and notes that are no part of the image", async () => {
    for (const name of [".wh.gone", "dir/.wh..wh..opq", "dir/new", ".wh..wh.plnk/1.2", ".wh..wh.aufs"])
      await put(`upper/${name}`, "");
    expect(await changes("aufs")).toEqual([
      "- gone",
      "- dir/*",
      "plumbing",
      "plumbing",
      "plumbing",
      "+ dir",
      "+ dir/new",
    ]);
  });

  it("of overlayfs takes names for names", async () => {
    await put("upper/.wh.name", "");
    expect(await changes("overlay")).toEqual(["+ .wh.name"]);
    expect(await changes("fuse-overlayfs")).toEqual(["- name"]);
    expect(await changes("none")).toEqual(["+ .wh.name"]);
  });
});

describeWith(["root"], "an upper directory made by root", () => {
  const y = Buffer.from("y");
  const listed = (style: UpperStyle): Promise<ListedLayer> => upperDirectory(at("upper"), style).load();

  it.each(["overlay", "fuse-overlayfs"] as const)("of %s has devices and attributes for deletions", async (style) => {
    await put("upper/dir/new");
    makeSpecialFile(at("upper/gone"), { type: "char", mode: 0 });
    await link(at("upper/gone"), at("upper/dir/gone-too"));
    makeSpecialFile(at("upper/null"), { type: "char", mode: 0o666, major: 1, minor: 3 });
    writeXattr(at("upper/dir"), "trusted.overlay.opaque", y);
    const found = await changesOf(upperDirectory(at("upper"), style));
    expect(found.sort()).toEqual(["+ dir", "+ dir/new", "+ null", "- dir/*", "- dir/gone-too", "- gone"]);
  });

  it("leaves out what drivers note, and nothing else", async () => {
    await put("upper/dir/file");
    for (const name of [
      "trusted.overlay.opaque",
      "trusted.overlay.origin",
      "user.overlay.impure",
      "user.fuseoverlayfs.opaque",
      "user.mine",
    ]) {
      writeXattr(at("upper/dir"), name, y);
    }
    const { index } = await listed("fuse-overlayfs");
    const all = Array.from({ length: index.count }, (_, i) => [...index.xattrs(i).keys()]);
    expect(all.flat()).toEqual(["user.mine"]);
    expect(await changesOf(upperDirectory(at("upper"), "fuse-overlayfs"))).toContain("- dir/*");
  });

  it("marks rootless deletions with attributes of users", async () => {
    await put("upper/dir/file");
    await put("upper/dir/x", "");
    writeXattr(at("upper/dir"), "user.overlay.opaque", y);
    writeXattr(at("upper/dir/x"), "user.overlay.whiteout", y);
    expect(await changesOf(upperDirectory(at("upper"), "overlay"))).toEqual([
      "- dir/*",
      "- dir/x",
      "+ dir",
      "+ dir/file",
    ]);
  });
});
