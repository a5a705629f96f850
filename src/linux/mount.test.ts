import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWith } from "../../test/support/oracles.ts";
import { fromText, toBuffer } from "../base/index.ts";
import { bindMount, setMountReadOnly } from "./bind-mount.ts";
import { fileSystemOf, syncFileSystem } from "./file-system.ts";
import { mountByCall, mountFileSystem, tryMount } from "./mount.ts";
import { isMountPoint, mountOf, parseMountInfo, readMounts } from "./mount-table.ts";
import { mountOverlay, mountOverlayByCall } from "./overlay-mount.ts";
import { unmount } from "./unmount.ts";

test("a line of the mount table is taken apart, whatever its optional fields and escapes", () => {
  const line =
    "36 35 98:0 /a\\040b /mnt/x\\134y\\012z rw,nosuid shared:7 master:1 - fuse.x so\\011urce ro,errors=continue";
  expect(parseMountInfo(`${line}\n1 0 0:1 / / rw - rootfs rootfs rw\n`)).toEqual([
    {
      id: 36,
      parentId: 35,
      device: "98:0",
      root: "/a b",
      mountPoint: "/mnt/x\\y\nz",
      options: ["rw", "nosuid"],
      type: "fuse.x",
      source: "so\turce",
      superOptions: ["ro", "errors=continue"],
    },
    expect.objectContaining({ id: 1, mountPoint: "/", superOptions: ["rw"] }),
  ]);
});

const withCode = (code: string, details: object = {}): unknown =>
  expect.objectContaining({ code, details: expect.objectContaining(details) });

describeWith(["mount"], "mounts", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "mount-test-"));
    mountFileSystem({ type: "tmpfs", source: "scene", target: directory, options: ["mode=755"] });
  });
  afterAll(() => {
    for (const { mountPoint } of [...readMounts()].reverse()) {
      if (mountPoint === directory || mountPoint.startsWith(`${directory}/`)) unmount(mountPoint, { isLazy: true });
    }
    rmSync(directory, { recursive: true });
  });

  /** A new directory; names may have any bytes. */
  const dir = (name: string): string => {
    const path = `${directory}/${name}`;
    mkdirSync(toBuffer(path), { recursive: true });
    return path;
  };
  const read = (path: string): string => readFileSync(toBuffer(path), "latin1");
  const write = (path: string, text: string): void => writeFileSync(toBuffer(path), text);

  test("a file system appears with its options, and is gone after unmount", () => {
    const target = dir("tmpfs");
    mountFileSystem({
      type: "tmpfs",
      source: "a b",
      target,
      options: ["size=1m", "ro", "nosuid", "nodev", "noexec", "rw"],
    });
    const mount = mountOf(target);
    expect(mount).toMatchObject({ mountPoint: target, type: "tmpfs", source: "a b", root: "/" });
    expect(mount?.options).toEqual(expect.arrayContaining(["ro", "nosuid", "nodev", "noexec"]));
    expect(mount?.superOptions).toContain("size=1024k");
    expect(isMountPoint(target)).toBe(true);
    expect(fileSystemOf(target)).toEqual({
      type: "tmpfs",
      totalBytes: 1 << 20,
      freeBytes: 1 << 20,
      freeInodes: expect.any(Number),
      isReadOnly: true,
    });
    unmount(target);
    expect(isMountPoint(target)).toBe(false);
    expect(readMounts().some(({ mountPoint }) => mountPoint === target)).toBe(false);
  });

  test("a mount that is only tried is seen by nobody", () => {
    tryMount({ type: "tmpfs", source: "x", options: ["size=1m"] });
    expect(readMounts().filter(({ mountPoint }) => mountPoint.startsWith(directory))).toHaveLength(1);
    expect(() => tryMount({ type: "tmpfs", source: "x", options: ["soup"] })).toThrow(withCode("mount-refused"));
  });

  test("mount(2) does the same where the new calls are missing", () => {
    const target = dir("by-call");
    mountByCall({ type: "tmpfs", source: "old", target, options: ["size=1m", "nosuid", "relatime", "rw"] });
    expect(mountOf(target)).toMatchObject({ source: "old", options: ["rw", "nosuid", "relatime"] });
    unmount(target);
    const long = Array.from({ length: 50 }, () => `x=${"y".repeat(100)}`);
    expect(() => mountByCall({ type: "tmpfs", source: "x", target, options: long })).toThrow(
      withCode("mount-options-too-long", { path: target }),
    );
  });

  test("paths of any bytes are mount points", () => {
    for (const name of [
      "sp ace",
      "new\nline",
      "back\\slash",
      "tab\t",
      "#",
      "com,ma:colon",
      "\xff\xfe",
      fromText("ä"),
    ]) {
      const target = dir(`odd-${name}`);
      mountFileSystem({ type: "tmpfs", source: "tmpfs", target });
      expect([name, isMountPoint(target)]).toEqual([name, true]);
      expect(readMounts().at(-1)?.mountPoint).toBe(target);
      unmount(target);
    }
  });

  test("a link to a mount point is no mount point, and unmounting it unmounts nothing", () => {
    const target = dir("linked");
    mountFileSystem({ type: "tmpfs", source: "tmpfs", target });
    symlinkSync(target, join(directory, "link"));
    expect(isMountPoint(join(directory, "link"))).toBe(false);
    expect(fileSystemOf(join(directory, "link")).type).toBe("tmpfs");
    expect(() => unmount(join(directory, "link"))).toThrow(withCode("not-mounted"));
    expect(isMountPoint(target)).toBe(true);
    unmount(target);
  });

  test("a bind mount shows a directory twice, read-only at one place if that is asked", () => {
    const [source, inner, target] = [dir("bind/source"), dir("bind/source/inner"), dir("bind/target")];
    write(`${source}/file`, "one");
    mountFileSystem({ type: "tmpfs", source: "inner", target: inner });
    write(`${inner}/file`, "two");
    bindMount({ source, target, isReadOnly: true });
    expect(read(`${target}/file`)).toBe("one");
    expect(() => read(`${target}/inner/file`)).toThrow("ENOENT");
    expect(() => write(`${target}/file`, "")).toThrow("EROFS");
    write(`${source}/file`, "three");
    expect(read(`${target}/file`)).toBe("three");
    expect(mountOf(target)).toMatchObject({ root: "/bind/source", mountPoint: target });
    setMountReadOnly(target, false);
    write(`${target}/file`, "four");
    setMountReadOnly(target, true);
    expect(fileSystemOf(target).isReadOnly).toBe(true);
    expect(fileSystemOf(source).isReadOnly).toBe(false);
    unmount(target);
    bindMount({ source, target, isReadOnly: true, isRecursive: true });
    expect(read(`${target}/inner/file`)).toBe("two");
    expect(() => write(`${target}/inner/file`, "")).toThrow("EROFS");
    expect(() => unmount(target)).toThrow(withCode("mount-busy"));
    unmount(target, { isLazy: true });
    unmount(inner);
  });

  test("a file is bound onto a file", () => {
    const at = dir("bind-file");
    write(`${at}/a`, "a");
    write(`${at}/b`, "b");
    bindMount({ source: `${at}/a`, target: `${at}/b` });
    expect([read(`${at}/b`), isMountPoint(`${at}/b`)]).toEqual(["a", true]);
    unmount(`${at}/b`);
    expect(read(`${at}/b`)).toBe("b");
  });

  test("everything written is brought to the disk without an error", async () => {
    await syncFileSystem(directory);
    await expect(syncFileSystem(`${directory}/none`)).rejects.toThrow("ENOENT");
  });

  test("errors say by their code what to do, and in the kernel's words what was wrong", () => {
    const target = dir("errors");
    const mount = (type: string, more: object = {}) => {
      return () => mountFileSystem({ type, source: "x", target, ...more });
    };
    expect(mount("no-such-fs")).toThrow(withCode("unknown-file-system", { errno: "ENODEV", path: target }));
    expect(mount("tmpfs", { target: `${target}/none` })).toThrow(withCode("mount-path-missing", { errno: "ENOENT" }));
    expect(mount("tmpfs", { options: ["soup=1"] })).toThrow(
      withCode("mount-refused", { errno: "EINVAL", kernel: expect.stringContaining("soup") }),
    );
    expect(mount("tmpfs", { options: ["soup=1"] })).toThrow(/soup/);
    write(`${target}/plain`, "not a file system");
    expect(mount("ext4", { source: `${target}/plain` })).toThrow(withCode("mount-needs-device", { errno: "ENOTBLK" }));
    expect(() => unmount(target)).toThrow(withCode("not-mounted", { path: target }));
    expect(() => unmount(`${target}/none`)).toThrow(withCode("mount-path-missing"));
    expect(() => bindMount({ source: `${target}/none`, target })).toThrow(withCode("mount-path-missing"));
    expect(() => setMountReadOnly(target, true)).toThrow(withCode("mount-refused", { errno: "EINVAL" }));
    expect(mount("tmpfs", { source: "a\0b" })).toThrow("EINVAL");
  });

  test("a mount in use is busy, and goes away lazily", () => {
    const target = dir("busy");
    mountFileSystem({ type: "tmpfs", source: "tmpfs", target });
    const inside = dir("busy/inside");
    mountFileSystem({ type: "tmpfs", source: "tmpfs", target: inside });
    expect(() => unmount(target)).toThrow(withCode("mount-busy", { errno: "EBUSY" }));
    unmount(target, { isLazy: true });
    expect(isMountPoint(target)).toBe(false);
  });

  const layers = (name: string, count: number, pad = ""): string[] => {
    return Array.from({ length: count }, (_, index) => {
      const lower = dir(`${name}/${pad}${index}`);
      write(`${lower}/file-${index}`, `${index}`);
      write(`${lower}/top`, `${index}`);
      return lower;
    });
  };

  for (const count of [2, 300, 500]) {
    test(`an overlay of ${count} lowers with long paths shows the topmost, and takes writes`, () => {
      const lowers = layers(`overlay-${count}`, count, "long/".repeat(30));
      const [upper, work, target] = [dir(`up-${count}`), dir(`work-${count}`), dir(`target-${count}`)];
      mountOverlay({ lowers, target, options: ["ro"] });
      expect([read(`${target}/top`), read(`${target}/file-${count - 1}`)]).toEqual(["0", `${count - 1}`]);
      expect(() => write(`${target}/new`, "")).toThrow("EROFS");
      unmount(target);
      mountOverlay({ lowers, upper, work, target, options: ["nosuid", "index=off"] });
      write(`${target}/top`, "new");
      expect([read(`${upper}/top`), read(`${lowers[0]}/top`)]).toEqual(["new", "0"]);
      expect(mountOf(target)?.options).toContain("nosuid");
      unmount(target);
    });
  }

  test("where lowers cannot be named one by one, 200 with long paths still fit, and more are refused", () => {
    const lowers = layers("by-call-lowers", 300, "lo:ng/".repeat(30));
    const [upper, work, target] = [dir("by-call-up,"), dir("by-call-work"), dir("by-call-target")];
    mountOverlayByCall({ lowers: lowers.slice(0, 200), upper, work, target, options: ["nodev"] });
    expect([read(`${target}/top`), read(`${target}/file-199`)]).toEqual(["0", "199"]);
    write(`${target}/new`, "new");
    expect(read(`${upper}/new`)).toBe("new");
    unmount(target);
    const tooMany = { lowers, upper, work, target };
    expect(() => mountOverlayByCall(tooMany)).toThrow(withCode("mount-options-too-long", { path: target }));
    expect(isMountPoint(target)).toBe(false);
  });

  test("layers may lie at paths of any bytes and of any length", () => {
    const names = [
      "sp ace",
      "co:lon",
      "com,ma",
      "back\\slash",
      "new\nline",
      "\xff\xfe",
      "=",
      `${"long".repeat(60)}/${"long".repeat(60)}`,
    ];
    const lowers = names.map((name, index) => {
      const lower = dir(`names/${name}`);
      write(`${lower}/file-${index}`, `${index}`);
      return lower;
    });
    for (const name of ["up:per,\\", "upper", `${"l".repeat(200)}/${"l".repeat(200)}`]) {
      const [upper, work, target] = [dir(`names-u/${name}`), dir(`names-w/${name}`), dir("names t:,\\")];
      chmodSync(toBuffer(upper), 0o751);
      mountOverlay({ lowers, upper, work, target });
      expect(names.map((_, index) => Number(read(`${target}/file-${index}`)))).toEqual([...names.keys()]);
      write(`${target}/new`, "new");
      expect(read(`${upper}/new`)).toBe("new");
      expect(statSync(toBuffer(target)).mode & 0o777).toBe(0o751);
      unmount(target);
    }
  });

  test("an overlay that the kernel refuses is refused with its reason", () => {
    const [one, two] = layers("refused", 2) as [string, string];
    const [upper, work, target] = [dir("refused-up"), dir("refused-work"), dir("refused-target")];
    expect(() => mountOverlay({ lowers: [one], target })).toThrow(withCode("too-few-lowers", { path: target }));
    expect(() => mountOverlay({ lowers: [one, `${two}/none`], target })).toThrow(withCode("mount-path-missing"));
    expect(() => mountOverlay({ lowers: layers("many", 501), target })).toThrow(
      withCode("too-many-lowers", { path: target }),
    );
    mountOverlay({ lowers: [one], upper, work, target });
    expect(isMountPoint(target)).toBe(true);
    unmount(target);
  });
});
