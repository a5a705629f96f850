import { setImmediate } from "node:timers/promises";
import fastGlob from "fast-glob";
import { glob } from "glob";
import { expect, it } from "vitest";
import { imageOf, mergedScripts } from "../../../test/support/image-of.ts";
import { changesetTar, ociWhiteouts } from "../../layer/index.ts";
import { dir, file, hardlink, indexOf, symlink } from "../../testing/index.ts";
import { ImageFs, listUpper, type UnionFs, unionFs } from "../index.ts";

const IMAGE = imageOf([
  [
    dir("etc", { mode: 0o755 }),
    file("etc/motd", "hello\n", { uid: 7, gid: 8, mode: 0o640, xattrs: { "user.note": "kept" } }),
    file("etc/passwd", "root\n"),
    hardlink("etc/shadow", "etc/passwd"),
    symlink("etc/link", "motd"),
    dir("usr/share/doc"),
    file("usr/share/doc/a", "a"),
    file("usr/share/doc/b", "b"),
  ],
]);

async function changesOf(fs: UnionFs): Promise<string[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of changesetTar(await listUpper(fs), ociWhiteouts)) chunks.push(chunk.slice());
  const index = indexOf(Buffer.concat(chunks));
  return Array.from({ length: index.count }, (_, i) => `${index.type(i)} ${index.name(i)}`);
}

it("copies a file up with all that it has when it is written to", async () => {
  const fs = unionFs({ lowers: [IMAGE] });
  await fs.appendFile("/etc/link", "world\n");
  expect(await fs.readFile("etc/motd", "utf8")).toBe("hello\nworld\n");
  const { uid, gid, mode } = await fs.stat("/etc/motd");
  expect({ uid, gid, mode }).toEqual({ uid: 7, gid: 8, mode: 0o100640 });
  expect(await fs.getxattr("/etc/motd", "user.note")).toEqual(Buffer.from("kept"));
  expect(await IMAGE.readFile("/etc/motd", "utf8")).toBe("hello\n");
  expect(await changesOf(fs)).toEqual(["directory ./", "directory etc/", "file etc/motd"]);
});

it("loses nothing that is appended to one file at once, however long its content takes to come", async () => {
  const { tree, contents } = mergedScripts([[file("log", "begin\n")]]);
  const open = async (layer: number, entry: number) => await setImmediate().then(() => contents.open(layer, entry));
  const fs = unionFs({ lowers: [new ImageFs(tree, { open })] });
  const words = Array.from({ length: 20 }, (_, i) => `${i}\n`);
  await Promise.all(words.map((word) => fs.appendFile("/log", word)));
  expect(await fs.readFile("/log", "utf8")).toBe(`begin\n${words.join("")}`);
});

it("hides a removed directory at once", async () => {
  const fs = unionFs({ lowers: [IMAGE] });
  await fs.rm("/usr/share/doc", { recursive: true });
  expect(await fs.readdir("/usr/share")).toEqual([]);
  expect(await changesOf(fs)).toEqual([
    "directory ./",
    "directory usr/",
    "directory usr/share/",
    "file usr/share/.wh.doc",
  ]);
  await fs.mkdir("/usr/share/doc");
  expect(await fs.readdir("/usr/share/doc")).toEqual([]);
  expect(await changesOf(fs)).toContain("file usr/share/doc/.wh..wh..opq");
});

it("leaves no trace of what came and went", async () => {
  const fs = unionFs({ lowers: [IMAGE] });
  await fs.writeFile("/etc/new", "x");
  await fs.rm("/etc/new");
  await fs.rm("/etc/never", { force: true });
  await fs.chmod("/etc/motd", 0o600);
  await fs.chmod("/etc/motd", 0o640);
  expect((await listUpper(fs)).index.count).toBe(0);
});

it("keeps all names of a file of the lower names of one file", async () => {
  const fs = unionFs({ lowers: [IMAGE] });
  await fs.writeFile("/etc/shadow", "changed\n");
  expect(await fs.readFile("/etc/passwd", "utf8")).toBe("changed\n");
  expect((await fs.stat("/etc/passwd")).ino).toBe((await fs.stat("/etc/shadow")).ino);
  expect((await fs.stat("/etc/passwd")).nlink).toBe(2);
  expect(await changesOf(fs)).toEqual(["directory ./", "directory etc/", "file etc/passwd", "hardlink etc/shadow"]);
});

it("moves a directory of the lower without reading a byte of it", async () => {
  const reads: string[] = [];
  const lower = Object.assign(Object.create(IMAGE), {
    open: (path: string, flags: number) => {
      reads.push(path);
      return IMAGE.open(path, flags);
    },
  });
  const fs = unionFs({ lowers: [lower] });
  await fs.rename("/usr", "/opt");
  expect(reads).toEqual([]);
  expect(await fs.readFile("/opt/share/doc/b", "utf8")).toBe("b");
  expect(await changesOf(fs)).toContain("file .wh.usr");
  expect(await fs.exists("/usr")).toBe(false);
});

it("changes metadata without reading content, and part of a file without reading the rest of its pages", async () => {
  const fs = unionFs({ lowers: [IMAGE] });
  await fs.chmod("/etc/motd", 0o600);
  const listed = await listUpper(fs);
  expect(listed.index.count).toBe(3);
  await using source = await listed.open(2);
  const bytes = Buffer.alloc(6);
  await source.read(bytes, 0);
  expect(bytes.toString()).toBe("hello\n");
});

it("keeps names that are no text", async () => {
  const name = "caf\xe9";
  const image = imageOf([[dir("d"), file(`d/${name}`, "bytes", { mode: 0o604 }), symlink("d/l", name)]]);
  const fs = unionFs({ lowers: [image] });
  await fs.appendFile("/d/l", " and more");
  await fs.rename(Buffer.from(`/d/${name}`, "latin1"), Buffer.from("/d/\xff", "latin1"));
  expect(await fs.readdir("/d", "buffer")).toEqual([Buffer.from("l"), Buffer.from("\xff", "latin1")]);
  expect(await changesOf(fs)).toContain(`file d/.wh.${name}`);
  expect(await fs.readFile(Buffer.from("/d/\xff", "latin1"), "utf8")).toBe("bytes and more");
});

it("lets later lowers win, and hides what their markers hide", async () => {
  const first = unionFs({ lowers: [IMAGE] });
  await first.rm("/etc/motd");
  await first.writeFile("/etc/issue", "first");
  const second = unionFs({ lowers: [IMAGE, first.upper] });
  expect(await second.readdir("/etc")).toEqual(["issue", "link", "passwd", "shadow"]);
  await second.writeFile("/etc/motd", "again", { mode: 0o600 });
  expect(await second.readFile("/etc/link", "utf8")).toBe("again");
});

it("never lets a path, a symlink or a name of a marker out", async () => {
  const fs = unionFs({ lowers: [IMAGE] });
  await fs.symlink("../../../../etc/motd", "/usr/out");
  await fs.symlink("there", "/usr/here");
  await fs.symlink("here", "/usr/there");
  expect(await fs.realpath("../usr/out")).toBe("/etc/motd");
  await expect(fs.readFile("/usr/here")).rejects.toMatchObject({ code: "ELOOP", syscall: "open", path: "/usr/here" });
  await expect(fs.writeFile("/etc/.wh.motd", "")).rejects.toMatchObject({ code: "EPERM" });
  await expect(fs.mkdir("/etc/.wh..wh..opq")).rejects.toMatchObject({ code: "EPERM" });
  await expect(fs.rename("/usr", "/usr/share/x")).rejects.toMatchObject({ code: "EINVAL" });
  await expect(fs.writeFile(`/etc/${"n".repeat(256)}`, "")).rejects.toMatchObject({ code: "ENAMETOOLONG" });
});

it("fixes all times that it sets", async () => {
  const time = 1_600_000_000_000_000_005n;
  const fs = unionFs({ lowers: [IMAGE], time });
  await fs.writeFile("/etc/new", "x");
  expect((await fs.stat("/etc/new", { bigint: true })).mtimeNs).toBe(time);
  expect((await fs.stat("/etc", { bigint: true })).mtimeNs).toBe(time);
  expect((await fs.stat("/usr", { bigint: true })).mtimeNs).not.toBe(time);
});

it("writes a time that somebody set on a directory, and devices and attributes", async () => {
  const fs = unionFs({ lowers: [IMAGE] });
  await fs.utimes("/usr/share", 5, 5);
  await fs.mknod("/usr/null", 0o020666, 0x103);
  await fs.setxattr("/usr/null", "user.a", Buffer.from("b"));
  expect((await fs.stat("/usr/null")).rdev).toBe(0x103);
  expect(await changesOf(fs)).toEqual(["directory ./", "directory usr/", "char usr/null", "directory usr/share/"]);
});

it("can be walked, copied in and read by libraries", async () => {
  const fs = unionFs({ lowers: [IMAGE] });
  await fs.cp("/usr", "/opt/usr", { recursive: true, preserveTimestamps: true });
  await fs.rm("/usr", { recursive: true });
  const found = ["usr/share/doc/a", "usr/share/doc/b"];
  expect((await glob("**/doc/*", { cwd: "/opt", fs: fs.node })).sort()).toEqual(found);
  expect((await fastGlob("**/doc/*", { cwd: "/opt", fs: fs.node })).sort()).toEqual(found);
  const paths: string[] = [];
  for await (const entry of fs.walk("/opt")) paths.push(`${entry.type} ${entry.path}`);
  expect(paths).toHaveLength(6);
  const { ino } = await fs.stat("/opt/usr");
  expect(await fs.readdir("/opt", { recursive: true })).toContain("usr/share/doc/a");
  await expect(fs.cp("/opt/usr", "/opt/usr/x", { recursive: true })).rejects.toMatchObject({
    code: "ERR_FS_CP_EINVAL",
  });
  expect(ino).toBe((await fs.stat("/opt/usr")).ino);
});

it("streams in and out", async () => {
  const fs = unionFs({ lowers: [] });
  const out = fs.createWriteStream("/f");
  for (const piece of ["one ", "two ", "three"]) out.write(piece);
  await new Promise<void>((resolve, reject) => out.end(resolve).on("error", reject));
  let text = "";
  for await (const chunk of fs.createReadStream("/f", { start: 4, encoding: "utf8" })) text += chunk;
  expect(text).toBe("two three");
});
