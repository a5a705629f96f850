import { expect, it } from "vitest";
import { imageOf } from "../../../test/support/image-of.ts";
import { changesetTar, ociWhiteouts } from "../../layer/index.ts";
import { dir, file, hardlink, indexOf, symlink } from "../../testing/index.ts";
import { listUpper, type UnionFs, unionFs } from "../index.ts";

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
