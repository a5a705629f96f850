import { constants as nodeConstants } from "node:fs";
import * as nodePromises from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { imageOf } from "../../test/support/image-of.ts";
import { LayerIndexBuilder } from "../layer/index.ts";
import { block, char, dir, fifo, file, hardlink, symlink } from "../testing/index.ts";
import { mergeLayers } from "../union/index.ts";
import { constants, type ImageDirent, ImageFs, ImageStats } from "./index.ts";

const TIME = { seconds: 1_234_567_890, nanoseconds: 123_456_789 };

const fs = imageOf(
  [
    [
      dir("etc", { mtime: TIME }),
      file("etc/passwd", "root:x:0:0\n", { mode: 0o4755, uid: 7, gid: 8, mtime: TIME }),
      file("etc/empty"),
      symlink("etc/link", "passwd"),
      file("bytes", "\x00\xff\xfe"),
      file("na\xefve", "latin"),
      file("\xe2\x82\xac", "euro"),
      symlink("raw", "na\xefve"),
      dir("\xffdir"),
      file("\xffdir/in", "inside"),
    ],
    [
      hardlink("etc/shadow", "etc/passwd"),
      char("dev/null", [1, 3]),
      block("dev/big", [0xabc, 0x12345]),
      fifo("pipe"),
      file("xattr", "x", { xattrs: { "user.note": "hi\xff", "security.capability": "\x01" } }),
      symlink("xlink", "xattr", { xattrs: { "trusted.l": "1" } }),
      file("old", "", { mtime: { seconds: -2, nanoseconds: 500_000_000 } }),
    ],
  ],
  { describeLayer: (layer) => (layer === 0 ? { createdBy: "FROM scratch" } : {}) },
);

describe("ImageFs", () => {
  it("takes paths as text, bytes and file: URLs, and relative ones from the root", async () => {
    const paths = [
      "/etc/passwd",
      "etc/passwd",
      "./etc//passwd",
      Buffer.from("/etc/passwd"),
      new URL("file:///etc/passwd"),
    ];
    for (const path of paths) expect(await fs.readFile(path, "utf8")).toBe("root:x:0:0\n");
    expect(await fs.readFile("/€", "utf8")).toBe("euro");
    expect(await fs.readFile(new URL("file:///%E2%82%AC"), "utf8")).toBe("euro");
    expect(await fs.readFile(new TextEncoder().encode("/€"), "utf8")).toBe("euro");
  });

  it("reaches names that are not UTF-8 by their bytes, and only by them", async () => {
    expect(await fs.readFile(Buffer.from("/na\xefve", "latin1"), "utf8")).toBe("latin");
    await expect(fs.readFile("/na\ufffdve")).rejects.toMatchObject({ code: "ENOENT" });
    expect(await fs.readFile("/raw", "utf8")).toBe("latin");
  });

  it("hands names out as lossy text, exact bytes or latin1", async () => {
    expect(await fs.readdir("/")).toContain("na\ufffdve");
    expect(await fs.readdir("/", "buffer")).toContainEqual(Buffer.from("na\xefve", "latin1"));
    expect(await fs.readdir("/", { encoding: "latin1" })).toContain("na\xefve");
    expect(await fs.readdir("/", "hex")).toContain(Buffer.from("na\xefve", "latin1").toString("hex"));
    expect(await fs.readlink("/raw", "buffer")).toEqual(Buffer.from("na\xefve", "latin1"));
    expect(await fs.realpath("/raw", { encoding: "buffer" })).toEqual(Buffer.from("/na\xefve", "latin1"));
    // @ts-expect-error: no such encoding
    await expect(fs.readdir("/", "utf9")).rejects.toMatchObject({ code: "ERR_INVALID_ARG_VALUE" });
  });

  it("keeps the parents of entries byte-exact when a recursive listing is asked for bytes", async () => {
    const entries = await fs.readdir("/", { encoding: "buffer", recursive: true, withFileTypes: true });
    const inside = entries.find((entry) => entry.name.equals(Buffer.from("in")))!;
    expect(inside.parentPath).toEqual(Buffer.from("/\xffdir", "latin1"));
    expect((inside as unknown as ImageDirent<Buffer>).path).toBe(inside.parentPath);
    const path = Buffer.concat([Buffer.from(inside.parentPath), Buffer.from("/"), inside.name]);
    expect(await fs.readFile(path, "latin1")).toBe("inside");
  });

  it("lists with types, and tells every type apart", async () => {
    const types = (entry: { [key: string]: unknown }) =>
      ["isFile", "isDirectory", "isSymbolicLink", "isCharacterDevice", "isBlockDevice", "isFIFO", "isSocket"].filter(
        (test) => (entry[test] as () => boolean)(),
      );
    const names = ["etc", "bytes", "raw", "pipe"];
    const listed = await fs.readdir("/", { withFileTypes: true });
    const expected = [["isDirectory"], ["isFile"], ["isSymbolicLink"], ["isFIFO"]];
    expect(names.map((name) => types(listed.find((entry) => entry.name === name) as never))).toEqual(expected);
    expect(await Promise.all(names.map(async (name) => types((await fs.lstat(name)) as never)))).toEqual(expected);
    expect(types((await fs.stat("/dev/null")) as never)).toEqual(["isCharacterDevice"]);
    expect(types((await fs.lstat("/dev/big", { bigint: true })) as never)).toEqual(["isBlockDevice"]);
    expect(listed.every((entry) => entry.parentPath === "/")).toBe(true);
  });

  it("fills every field of Stats from the node", async () => {
    const stats = await fs.stat("/etc/passwd");
    expect(stats).toBeInstanceOf(ImageStats);
    expect(stats).toMatchObject({
      dev: 1,
      mode: 0o104755,
      nlink: 2,
      uid: 7,
      gid: 8,
      rdev: 0,
      blksize: 4096,
      size: 11,
      blocks: 1,
    });
    for (const time of ["atime", "mtime", "ctime", "birthtime"] as const) {
      expect(stats[`${time}Ms`]).toBe(1_234_567_890_123.4568);
      expect(stats[time]).toEqual(new Date(1_234_567_890_123));
    }
    expect((await fs.stat("/etc/shadow")).ino).toBe(stats.ino);
    expect((await fs.stat("/etc/empty")).ino).not.toBe(stats.ino);
    expect((await fs.lstat("/etc/link")).size).toBe("passwd".length);
    expect((await fs.lstat("/etc")).mode).toBe(0o040755);
  });

  it("counts in bigints to the nanosecond", async () => {
    const stats = await fs.lstat("/etc/passwd", { bigint: true });
    expect(stats).toMatchObject({
      mode: 0o104755n,
      size: 11n,
      blocks: 1n,
      nlink: 2n,
      mtimeMs: 1_234_567_890_123n,
      atimeNs: 1_234_567_890_123_456_789n,
      birthtimeNs: 1_234_567_890_123_456_789n,
    });
    expect(await fs.stat("/old")).toMatchObject({ mtimeMs: -1500, mtime: new Date(-1500) });
    expect(await fs.stat("/old", { bigint: true })).toMatchObject({ mtimeNs: -1_500_000_000n, mtimeMs: -1500n });
  });

  it("encodes device numbers as the kernel gives them to Node", async () => {
    const host = await nodePromises.stat("/dev/null").catch(() => undefined);
    expect((await fs.stat("/dev/null")).rdev).toBe(0x103);
    if (process.platform === "linux" && host?.isCharacterDevice() === true) expect(host.rdev).toBe(0x103);
    expect((await fs.stat("/dev/big")).rdev).toBe(0x123a_bc45);
  });

  it("reads files as bytes and as text in any encoding", async () => {
    expect(await fs.readFile("/bytes")).toEqual(Buffer.from([0, 255, 254]));
    expect(await fs.readFile("/bytes", { encoding: "hex" })).toBe("00fffe");
    expect(await fs.readFile("/bytes", { encoding: null, flag: "r" })).toHaveLength(3);
    expect(await fs.readFile("/etc/empty")).toEqual(Buffer.alloc(0));
    // @ts-expect-error: no such encoding
    await expect(fs.readFile("/bytes", "utf9")).rejects.toMatchObject({ code: "ERR_INVALID_ARG_VALUE" });
  });

  it("stops a read when its signal fires", async () => {
    const reason = new Error("enough");
    const reading = fs.readFile("/bytes", { signal: AbortSignal.abort(reason) });
    await expect(reading).rejects.toMatchObject({ name: "AbortError", code: "ABORT_ERR", cause: reason });
  });

  it("gives Node's own errors", async () => {
    const error = await fs.lstat("/missing").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      message: "ENOENT: no such file or directory, lstat '/missing'",
      code: "ENOENT",
      errno: -2,
      syscall: "lstat",
      path: "/missing",
    });
    await expect(fs.stat("a\0b")).rejects.toMatchObject({ name: "TypeError", code: "ERR_INVALID_ARG_VALUE" });
    await expect(fs.stat(undefined as never)).rejects.toMatchObject({ code: "ERR_INVALID_ARG_TYPE" });
    await expect(fs.stat(new URL("http://host/x"))).rejects.toMatchObject({ code: "ERR_INVALID_URL_SCHEME" });
  });

  it.each(["/dev/null", "/dev/big", "/pipe"])("has no content for %s, which is a device or a pipe", async (path) => {
    await expect(fs.readFile(path)).rejects.toMatchObject({ code: "ENXIO", syscall: "open" });
  });

  it("answers access as the kernel does to root on a read-only mount", async () => {
    const { F_OK, R_OK, W_OK, X_OK } = constants;
    await expect(fs.access("/bytes", F_OK | R_OK)).resolves.toBeUndefined();
    await expect(fs.access("/etc/passwd", R_OK | X_OK)).resolves.toBeUndefined();
    await expect(fs.access("/etc", X_OK)).resolves.toBeUndefined();
    await expect(fs.access("/bytes", X_OK)).rejects.toMatchObject({ code: "EACCES" });
    await expect(fs.access("/bytes", R_OK | W_OK)).rejects.toMatchObject({ code: "EROFS", syscall: "access" });
    await expect(fs.access("/none", W_OK)).rejects.toMatchObject({ code: "ENOENT" });
    await expect(fs.access("/bytes", 8)).rejects.toMatchObject({ code: "ERR_OUT_OF_RANGE" });
  });

  it("has every function of fs/promises, and all that write reject with EROFS", async () => {
    const without = ["statfs", "watch", "glob", "mkdtempDisposable"];
    for (const name of Object.keys(nodePromises).filter((name) => !without.includes(name) && name !== "default")) {
      expect(fs, name).toHaveProperty(name);
    }
    const { access, stat, lstat, readdir, readlink, realpath, opendir, open, readFile, ...rest } = fs;
    void [access, stat, lstat, readdir, readlink, realpath, opendir, open, readFile];
    const { exists, getxattr, listxattr, dataRuns, createReadStream, constants: numbers, ...writers } = rest;
    void [exists, getxattr, listxattr, dataRuns, createReadStream, numbers];
    expect(Object.keys(writers)).toHaveLength(19);
    for (const write of Object.values(writers)) {
      await expect(write("/etc/passwd", "/x")).rejects.toMatchObject({ code: "EROFS", path: "/etc/passwd" });
    }
    await expect(fs.rename("/a", Buffer.from("/b"))).rejects.toThrow(
      "EROFS: read-only file system, rename '/a' -> '/b'",
    );
    await expect(fs.mkdir("/x")).rejects.toThrow("EROFS: read-only file system, mkdir '/x'");
    for (const flags of ["r+", "w", "wx", "a", "a+", "as", nodeConstants.O_RDWR, nodeConstants.O_WRONLY]) {
      await expect(fs.open("/etc/passwd", flags)).rejects.toMatchObject({ code: "EROFS", syscall: "open" });
    }
    await expect(fs.readFile("/etc/passwd", { flag: "w+" })).rejects.toMatchObject({ code: "EROFS" });
    await expect(fs.open("/etc/passwd", "q")).rejects.toMatchObject({ code: "ERR_INVALID_ARG_VALUE" });
  });

  it("heeds O_DIRECTORY and O_NOFOLLOW", async () => {
    await expect(fs.open("/bytes", constants.O_DIRECTORY)).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(fs.open("/etc/link", constants.O_NOFOLLOW)).rejects.toMatchObject({ code: "ELOOP" });
    await using handle = await fs.open("/etc", constants.O_DIRECTORY);
    expect((await handle.stat()).isDirectory()).toBe(true);
    await expect(handle.readFile()).rejects.toMatchObject({ code: "EISDIR", syscall: "read" });
  });

  it("has functions that can be taken off it", async () => {
    const { readFile, stat, mkdir } = fs;
    expect(await readFile("/€", "utf8")).toBe("euro");
    expect((await stat("/etc")).isDirectory()).toBe(true);
    await expect(mkdir("/x")).rejects.toMatchObject({ code: "EROFS" });
  });

  it("tells extended attributes", async () => {
    expect(await fs.listxattr("/xattr")).toEqual(["security.capability", "user.note"]);
    expect(await fs.getxattr("/xattr", "user.note")).toEqual(Buffer.from("hi\xff", "latin1"));
    expect(await fs.listxattr("/xlink", { followSymlinks: false })).toEqual(["trusted.l"]);
    expect(await fs.listxattr("/xlink")).toHaveLength(2);
    await expect(fs.getxattr("/xattr", "user.none")).rejects.toMatchObject({ code: "ENODATA", path: "/xattr" });
  });

  it("opens directories to read them one entry at a time", async () => {
    const names: unknown[] = [];
    for await (const entry of await fs.opendir("/etc")) names.push(entry.name);
    expect(names).toEqual(["empty", "link", "passwd", "shadow"]);
    const opened = await fs.opendir("/dev/");
    expect(opened.path).toBe("/dev/");
    expect((await opened.read())?.name).toBe("big");
    expect(opened.readSync()?.name).toBe("null");
    expect(await new Promise((resolve) => opened.read((_, entry) => resolve(entry)))).toBe(null);
    await opened.close();
    await expect(opened.read()).rejects.toMatchObject({ code: "ERR_DIR_CLOSED" });
    await expect(opened.close()).rejects.toMatchObject({ code: "ERR_DIR_CLOSED" });
    const below = await fs.opendir("/", { recursive: true, encoding: "utf8" });
    const found: unknown[] = [];
    for await (const entry of below) found.push([entry.parentPath, entry.name]);
    expect(found).toContainEqual(["/etc", "passwd"]);
    expect(found).toContainEqual(["/", "etc"]);
  });

  it("walks a tree with the layer of each file and what made it", async () => {
    const seen: unknown[] = [];
    for await (const { path, name, type, layer } of fs.walk("/etc/../etc")) seen.push({ path, name, type, layer });
    const base = { number: 0, createdBy: "FROM scratch" };
    expect(seen).toEqual([
      { path: "/etc", name: "etc", type: "directory", layer: base },
      { path: "/etc/empty", name: "empty", type: "file", layer: base },
      { path: "/etc/link", name: "link", type: "symlink", layer: base },
      { path: "/etc/passwd", name: "passwd", type: "file", layer: base },
      { path: "/etc/shadow", name: "shadow", type: "file", layer: base },
    ]);
    for await (const entry of fs.walk("dev/null")) {
      expect(entry).toMatchObject({ path: "/dev/null", type: "char", layer: { number: 1 } });
      expect(entry.stat().rdev).toBe(0x103);
    }
    const roots: string[] = [];
    for await (const entry of fs.walk()) roots.push(entry.path);
    expect(roots[0]).toBe("/");
    expect(roots).toHaveLength((await fs.readdir("/", { recursive: true })).length + 1);
    for await (const entry of fs.walk(Buffer.from("/\xffdir", "latin1"), { encoding: "buffer" })) {
      expect(entry.path.subarray(0, 5)).toEqual(Buffer.from("/\xffdir", "latin1"));
    }
  });

  it("rejects a walk that cannot begin, and ends one whose signal fires", async () => {
    const walkAll = async (walk: AsyncIterable<unknown>) => {
      for await (const _ of walk);
    };
    await expect(walkAll(fs.walk("/none"))).rejects.toMatchObject({ code: "ENOENT" });
    const stopped = walkAll(fs.walk("/", { signal: AbortSignal.abort() }));
    await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  });

  it("does not follow symlinked directories in a recursive listing, loops included", async () => {
    const loop = imageOf([[dir("a"), symlink("a/b", "../a"), symlink("a/c", "/"), symlink("d", "a")]]);
    expect(await loop.readdir("/", { recursive: true })).toEqual(["a", "a/b", "a/c", "d"]);
    expect(await loop.readdir("/d", { recursive: true })).toEqual(["b", "c"]);
    expect(await loop.readdir("/a/b/b/c/d")).toEqual(["b", "c"]);
  });

  it("lists a directory of 100,000 files whole", async () => {
    const index = new LayerIndexBuilder();
    const { content: _, ...entry } = { ...file("d/f"), uname: "", gname: "", size: 0, storedSize: 0 };
    for (let i = 0; i < 100_000; i++) index.add({ ...entry, name: `d/f${i}`, headerOffset: 0, dataOffset: 0 });
    const many = new ImageFs(mergeLayers([index.finish()]), { open: () => Promise.reject(new Error("not asked")) });
    const names = await many.readdir("/d");
    expect(names).toHaveLength(100_000);
    expect(names.slice(0, 3)).toEqual(["f0", "f1", "f10"]);
    expect(await many.readdir("/", { withFileTypes: true, recursive: true })).toHaveLength(100_001);
  });
});
