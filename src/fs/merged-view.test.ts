import { describe, expect, it } from "vitest";
import { imageOf } from "../../test/support/image-of.ts";
import { dir, file, hardlink, opaque, symlink, whiteout } from "../testing/index.ts";
import type { ImageFs } from "./index.ts";

const ENOENT = expect.objectContaining({ code: "ENOENT" });
const ENOTDIR = expect.objectContaining({ code: "ENOTDIR" });
const ELOOP = expect.objectContaining({ code: "ELOOP" });

async function expectGone(fs: ImageFs, path: string): Promise<void> {
  await expect(fs.open(path)).rejects.toEqual(ENOENT);
  await expect(fs.lstat(path)).rejects.toEqual(ENOENT);
  await expect(fs.readFile(path)).rejects.toEqual(ENOENT);
  expect(await fs.exists(path)).toBe(false);
}

describe("the merged view", () => {
  it("79: keeps a/y hidden when a is deleted and made again, without an opaque marker", async () => {
    const fs = imageOf([[dir("a"), file("a/y", "old")], [whiteout("a")], [dir("a")]]);
    await expectGone(fs, "/a/y");
    expect(await fs.readdir("/a")).toEqual([]);
  });

  it.each([
    ["a file", file("a", "now a file")],
    ["a symlink", symlink("a", "elsewhere")],
  ])("80: keeps a/y hidden when a was %s in between", async (_, between) => {
    const fs = imageOf([[dir("a"), file("a/y", "old")], [between], [dir("a"), file("a/z")]]);
    await expectGone(fs, "/a/y");
    expect(await fs.readdir("/a")).toEqual(["z"]);
  });

  it("81: matches a whiteout by its full path, never by the base name alone", async () => {
    const fs = imageOf([[file("a/x", "1"), file("b/x", "2"), file("x", "3")], [whiteout("a/x")]]);
    await expectGone(fs, "/a/x");
    expect(await fs.readFile("/b/x", "utf8")).toBe("2");
    expect(await fs.readFile("/x", "utf8")).toBe("3");
  });

  describe("82: symlinks across layers", () => {
    const fs = imageOf([
      [
        symlink("lower", "/upper/target"),
        symlink("one", "two"),
        symlink("self", "self"),
        symlink("up", "../../../lower"),
      ],
      [file("upper/target", "from above"), symlink("two", "/upper/three"), symlink("x", "y"), symlink("y", "/x")],
      [symlink("upper/three", "../lower")],
    ]);

    it("follows an absolute link of a lower layer to a file of an upper one", async () => {
      expect(await fs.readFile("/lower", "utf8")).toBe("from above");
    });

    it("follows a chain over three layers", async () => {
      expect(await fs.realpath("/one")).toBe("/upper/target");
    });

    it("clamps .. at the root, in paths and in links", async () => {
      expect(await fs.readFile("/../../up", "utf8")).toBe("from above");
      expect(await fs.realpath("../..")).toBe("/");
    });

    it.each(["/self", "/x", "/y/z", "/self/."])("ends %s, a loop, in ELOOP", async (path) => {
      await expect(fs.stat(path)).rejects.toEqual(ELOOP);
      await expect(fs.readFile(path)).rejects.toEqual(ELOOP);
      await expect(fs.realpath(path)).rejects.toEqual(ELOOP);
      await expect(fs.access(path)).rejects.toEqual(ELOOP);
      expect(await fs.exists(path)).toBe(false);
    });

    it("follows 40 links and not 41, as the kernel", async () => {
      const chain = Array.from({ length: 41 }, (_, i) => symlink(`l${i + 1}`, `l${i}`));
      const long = imageOf([[file("l0", "end"), ...chain]]);
      expect(await long.readFile("/l40", "utf8")).toBe("end");
      await expect(long.readFile("/l41")).rejects.toEqual(ELOOP);
    });
  });

  it("83: says ENOTDIR for a non-directory in the middle of a path, whatever is asked", async () => {
    const fs = imageOf([[dir("a"), file("a/y")], [file("a", "replaced")]]);
    const { stat, lstat, readFile, readdir, readlink, realpath, access, opendir } = fs;
    const questions = [stat, lstat, readFile, readdir, readlink, realpath, access, opendir];
    for (const path of ["/a/y", "/a/", "/a/y/z", "/a/."]) {
      for (const ask of questions as ((path: string) => Promise<unknown>)[]) {
        await expect(ask(path)).rejects.toEqual(ENOTDIR);
      }
    }
  });

  it("84: shows what a layer writes through a symlinked directory of a lower one, under both names", async () => {
    const fs = imageOf([[dir("usr/lib"), file("usr/lib/old"), symlink("lib", "usr/lib")], [file("lib/x", "new")]]);
    expect(await fs.readFile("/lib/x", "utf8")).toBe("new");
    expect(await fs.readFile("/usr/lib/x", "utf8")).toBe("new");
    expect(await fs.readlink("/lib")).toBe("usr/lib");
    expect(await fs.readdir("/lib")).toEqual(["old", "x"]);
  });

  it("85: reads a hardlink to a lower file after that file was deleted", async () => {
    const fs = imageOf([[file("a", "kept")], [hardlink("b", "a")], [whiteout("a")]]);
    await expectGone(fs, "/a");
    expect(await fs.readFile("/b", "utf8")).toBe("kept");
    expect((await fs.stat("/b")).nlink).toBe(1);
  });

  it("86: shows the same for explicit whiteouts and an opaque marker", async () => {
    const base = [dir("d"), file("d/a"), file("d/b")];
    const explicit = imageOf([base, [whiteout("d/a"), whiteout("d/b"), file("d/c")]]);
    const marked = imageOf([base, [dir("d"), file("d/c"), opaque("d")]]);
    expect(await explicit.readdir("/", { recursive: true })).toEqual(["d", "d/c"]);
    expect(await marked.readdir("/", { recursive: true })).toEqual(["d", "d/c"]);
  });
});
