import { describe, expect, it } from "vitest";
import {
  assertConsistent,
  editContext,
  filesOf,
  imageOfSteps,
  loaderOf,
  tarsOf,
} from "../../test/support/placed-image.ts";
import { type UnionFs, unionFs } from "../fs/index.ts";
import type { PlacedImage } from "../image/index.ts";
import { dir, file, hardlink, indexOf, symlink, treeText } from "../testing/index.ts";
import { type EditFiles, editFiles } from "./edit-files.ts";
import { applyFileEdits } from "./edit-files-plan.ts";
import type { FileEdit } from "./file-edit.ts";

const image = imageOfSteps([
  [
    dir("etc"),
    file("etc/motd", "hello", { mode: 0o640, uid: 3 }),
    file("etc/other", "x", { mtime: 5 }),
    symlink("lib", "usr/lib"),
  ],
  [dir("usr"), dir("usr/lib"), file("usr/lib/a", "a"), hardlink("usr/lib/b", "usr/lib/a"), file("etc/motd", "two")],
]);
const CREATED = Date.parse("2024-05-06T07:08:09Z") / 1000;

async function editOf(edit: EditFiles, of: PlacedImage = image): Promise<PlacedImage> {
  const edited = await editFiles(of, loaderOf(of), edit, editContext({ step: { createdBy: "edit" } }));
  await assertConsistent(edited);
  return edited;
}

const planOf = (...edits: readonly FileEdit[]): Promise<PlacedImage> =>
  editOf(async (fs) => await applyFileEdits(fs, edits));

/** The entries of the topmost layer. */
async function topOf(edited: PlacedImage): Promise<string[]> {
  const index = indexOf((await tarsOf(edited)).at(-1) as Uint8Array);
  return Array.from({ length: index.count }, (_, i) => `${index.type(i)} ${index.name(i)}`);
}

/** With one blank between its columns. */
async function textOf(edited: PlacedImage): Promise<string> {
  return treeText(await filesOf(edited)).replaceAll(/ +/g, " ");
}

async function lineOf(edited: PlacedImage, path: string): Promise<string | undefined> {
  return (await textOf(edited)).split("\n").find((line) => line.includes(` /${path}`));
}

describe("editing the files of an image", () => {
  it("makes one layer of what changed, and a step of the history", async () => {
    const edited = await editOf(async (fs) => {
      await fs.rm("/etc/motd");
      await fs.writeFile("/lib/new", "new\n");
      expect(await fs.readFile("/usr/lib/new", "utf8")).toBe("new\n");
    });
    expect(edited.layers.slice(0, 2)).toEqual(image.layers);
    expect(await topOf(edited)).toEqual(
      expect.arrayContaining(["file etc/.wh.motd", "directory usr/", "directory usr/lib/", "file usr/lib/new"]),
    );
    expect((await filesOf(edited)).map(({ path }) => path)).not.toContain("etc/motd");
    expect(await lineOf(edited, "usr/lib/new")).toContain(`file 0644 0:0 4 ${CREATED}.000000000`);
    expect(edited.config.value.history?.at(-1)).toEqual({ created: "2024-05-06T07:08:09Z", created_by: "edit" });
  });

  it("gives the same layer each time", async () => {
    const edit: EditFiles = async (fs) => {
      await fs.mkdir("/a/b", { recursive: true });
      await fs.rename("/usr/lib", "/a/b/lib");
    };
    expect((await editOf(edit)).config.digest).toBe((await editOf(edit)).config.digest);
  });

  it("that changes nothing gives the same image", async () => {
    expect(await editOf(async (fs) => await fs.readFile("/etc/motd"))).toBe(image);
    expect(
      await editOf(async (fs) => {
        await fs.writeFile("/made", "x");
        await fs.rm("/made");
      }),
    ).toBe(image);
  });

  it("that throws makes nothing", async () => {
    const failing = editOf(async (fs) => {
      await fs.writeFile("/made", "x");
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
  });

  it("takes no change after its end, and waits for those that nobody waited for", async () => {
    let kept: UnionFs | undefined;
    const edited = await editOf((fs) => {
      kept = fs;
      void fs.mkdir("/late");
    });
    expect(await textOf(edited)).toContain("/late");
    await expect(kept?.mkdir("/too-late")).rejects.toMatchObject({ code: "EROFS" });
    expect(await kept?.exists("/late")).toBe(true);
  });

  it("can follow a plan", async () => {
    const edited = await planOf(
      { kind: "remove", path: "/etc/other" },
      { kind: "remove", path: "/missing", force: true },
      { kind: "write", path: "/srv/data/file", data: "1", mode: 0o600 },
      { kind: "make-directory", path: "/tmp", mode: 0o1777 },
      { kind: "symlink", path: "/srv/link", target: "../etc" },
      { kind: "chmod", path: "/etc/motd", mode: 0o4755 },
      { kind: "chown", path: "/lib", uid: 7, gid: 8 },
    );
    const lines = await textOf(edited);
    expect(lines).not.toContain("/etc/other");
    expect(lines).toContain("file 0600 0:0 1");
    expect(lines).toContain("directory 1777 0:0");
    expect(await lineOf(edited, "srv/link")).toContain("../etc");
    expect(await lineOf(edited, "etc/motd")).toContain("file 4755 0:0 3");
    expect(await lineOf(edited, "lib")).toContain("symlink 0777 7:8");
  });

  it.each([
    [{ kind: "remove", path: "/missing" }, "path-not-found", "not-found"],
    [{ kind: "remove", path: "/etc/motd/below" }, "path-not-found", "not-found"],
    [{ kind: "remove", path: "/" }, "root-not-removable", "invalid-argument"],
    [{ kind: "symlink", path: "/etc", target: "x" }, "in-the-way", "already-exists"],
    [{ kind: "make-directory", path: "/etc/motd" }, "in-the-way", "already-exists"],
    [{ kind: "make-directory", path: "/etc/motd/below" }, "in-the-way", "already-exists"],
    [{ kind: "write", path: "/etc", data: "x" }, "in-the-way", "already-exists"],
    [{ kind: "make-directory", path: `/${"n".repeat(256)}` }, "invalid-path", "invalid-argument"],
    [{ kind: "chmod", path: "/missing", mode: 0o644 }, "path-not-found", "not-found"],
    [{ kind: "chown", path: "/missing/below", uid: 0, gid: 0 }, "path-not-found", "not-found"],
  ] as const)("refuses %j, naming the path: %s", async (edit, code, kind) => {
    await expect(planOf(edit)).rejects.toMatchObject({
      name: "StrataError",
      code,
      kind,
      message: expect.stringContaining(edit.path),
      hint: expect.any(String),
      details: { path: edit.path },
    });
  });

  it("tells what cannot be copied apart from where it would go", async () => {
    await using from = unionFs({ lowers: [] });
    await from.mkdir("/tree");
    const missing = { kind: "copy-in", from, source: "/nofile", path: "/x" } as const;
    await expect(planOf(missing)).rejects.toMatchObject({ code: "file-not-found", details: { path: "/nofile" } });
    const onto = { kind: "copy-in", from, source: "/tree", path: "/etc/motd" } as const;
    await expect(planOf(onto)).rejects.toMatchObject({ code: "in-the-way", details: { path: "/etc/motd" } });
    const broken: typeof from = Object.create(from, {
      lstat: { value: async () => await Promise.reject(Object.assign(new Error("no"), { code: "EACCES" })) },
    });
    await expect(planOf({ ...missing, from: broken })).rejects.toMatchObject({
      code: "permission-denied",
      kind: "failed-precondition",
      details: { path: "/nofile" },
    });
  });

  it("copies files and trees in, with modes, times, links and attributes, for an owner", async () => {
    await using from = unionFs({ lowers: [], time: 42_000_000_007n });
    await from.mkdir("/tree/sub", { recursive: true, mode: 0o750 });
    await from.writeFile("/tree/sub/one", "x".repeat(600_000), { mode: 0o755 });
    await from.link("/tree/sub/one", "/tree/two");
    await from.symlink("sub/one", "/tree/link");
    await from.setxattr("/tree/sub/one", "user.k", Buffer.from("v"));
    await from.mknod("/tree/pipe", 0o010_600);
    const copied = await planOf(
      { kind: "copy-in", from, source: "/tree", path: "/app/tree", uid: 5, gid: 6 },
      { kind: "copy-in", from, source: "/tree/two", path: "/etc" },
      { kind: "copy-in", from, source: "/tree/two", path: "/etc/motd" },
    );
    const lines = (await textOf(copied)).split("\n");
    const find = (path: string): string | undefined => lines.find((line) => `${line} `.includes(` /${path} `));
    expect(find("app/tree/sub/one")).toContain("file 0755 5:6 600000 42.000000007");
    expect(find("app/tree/sub/one")).toContain("user.k");
    expect(find("app/tree/two")).toContain("= /app/tree/sub/one");
    expect(find("app/tree/link")).toContain("symlink 0777 5:6");
    expect(find("app/tree/pipe")).toContain("fifo 0600 5:6");
    expect(find("app/tree")).toContain("directory 0750 5:6 - 42.000000007");
    expect(find("etc/two")).toContain("file 0755 0:0 600000");
    expect(find("etc/motd")).toContain("file 0755 0:0 600000");
    expect(await topOf(copied)).toContain("hardlink app/tree/two");
  });
});
