import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requireOrSkip } from "../../test/support/skip.ts";
import { fromText } from "../base/index.ts";
import { tryLock, unlock } from "./flock.ts";
import { isLinux } from "./libc.ts";
import { renameUnlessExists } from "./rename.ts";
import { decodeDevice, encodeDevice, makeSpecialFile, setFileTimes } from "./special-file.ts";
import { typedNamesIn } from "./typed-names-in.ts";
import { readXattr, readXattrs, writeXattr, xattrNames, xattrsOfOpen } from "./xattr.ts";

test("device numbers survive coding, large ones too", () => {
  for (const [major, minor] of [
    [0, 0],
    [1, 3],
    [8, 17],
    [259, 65_537],
    [4095, 1_048_575],
  ] as const) {
    expect(decodeDevice(encodeDevice(major, minor))).toEqual({ major, minor });
  }
  expect(encodeDevice(1, 3)).toBe(0x103n);
});

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "linux-test-"));
});
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string): string => join(directory, name);
function openedAs<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(path, "r");
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
const withCode = (code: string): unknown => expect.objectContaining({ code });

requireOrSkip(
  "the kernel",
  isLinux(),
  "not Linux",
)(() => {
  test("keeps extended attributes of any bytes, an empty one too", () => {
    writeFileSync(at("plain"), "");
    expect([readXattrs(at("plain")).size, openedAs(at("plain"), xattrsOfOpen).size]).toEqual([0, 0]);
    const value = Uint8Array.from([0, 255, 10]);
    writeXattr(at("plain"), "user.bytes", value);
    writeXattr(at("plain"), "user.empty", new Uint8Array(0));
    writeXattr(at("plain"), "user.large", new Uint8Array(3000).fill(7));
    const xattrs = readXattrs(at("plain"));
    expect(openedAs(at("plain"), xattrsOfOpen)).toEqual(xattrs);
    expect(xattrs.get("user.bytes")).toEqual(value);
    expect(xattrs.get("user.empty")).toEqual(new Uint8Array(0));
    expect(xattrs.get("user.large")).toHaveLength(3000);
  });

  test("reads the names of extended attributes, and one of them, by themselves", () => {
    writeFileSync(at("named"), "");
    expect(xattrNames(at("named"))).toEqual([]);
    writeXattr(at("named"), "user.one", Uint8Array.from([1]));
    writeXattr(at("named"), "user.two", new Uint8Array(0));
    expect([...xattrNames(at("named"))].sort()).toEqual(["user.one", "user.two"]);
    expect(readXattr(at("named"), "user.one")).toEqual(Uint8Array.from([1]));
    expect(readXattr(at("named"), "user.two")).toEqual(new Uint8Array(0));
    expect(readXattr(at("named"), "user.three")).toBeUndefined();
    expect(readXattr(at("missing"), "user.one")).toBeUndefined();
  });

  test("lists more names of extended attributes than files usually have", () => {
    writeFileSync(at("many"), "");
    const names = ["a", "b", "c", "d", "e", "f"].map((letter) => `user.${letter.repeat(240)}`);
    for (const name of names) writeXattr(at("many"), name, new Uint8Array(0));
    expect([...xattrNames(at("many"))].sort()).toEqual(names);
    expect([...openedAs(at("many"), xattrsOfOpen).keys()].sort()).toEqual(names);
  });

  test("finds files whose names are not UTF-8", () => {
    const name = Buffer.concat([Buffer.from(at("")), Buffer.from([0x2f, 0xff, 0xfe])]);
    writeFileSync(name, "");
    writeXattr(name.toString("latin1"), "user.x", Uint8Array.from([1]));
    expect(readXattrs(name.toString("latin1")).get("user.x")).toEqual(Uint8Array.from([1]));
  });

  test("tells what is in a directory, and of what type, in as many answers as it takes", () => {
    mkdirSync(at("full"));
    const files = Array.from({ length: 1000 }, (_, i) => `${i}-${"x".repeat(100)}`);
    for (const name of files) writeFileSync(at(join("full", name)), "");
    writeFileSync(Buffer.concat([Buffer.from(at("full/")), Buffer.from([0xff])]), "");
    mkdirSync(at("full/directory"));
    symlinkSync("nowhere", at("full/link"));
    const typed = openedAs(at("full"), typedNamesIn);
    const names = (type: number): string[] => typed.filter((name) => name.type === type).map(({ name }) => name);
    expect(names(constants.S_IFREG).sort()).toEqual([...files, "\xff"].sort());
    expect(names(constants.S_IFDIR)).toEqual(["directory"]);
    expect(names(constants.S_IFLNK)).toEqual(["link"]);
    expect(typed).toHaveLength(files.length + 3);
    expect(() => openedAs(at("plain"), typedNamesIn)).toThrow(withCode("ENOTDIR"));
  });

  test("does not follow links", () => {
    writeFileSync(at("target"), "");
    writeXattr(at("target"), "user.x", Uint8Array.from([1]));
    symlinkSync("target", at("link"));
    expect(readXattrs(at("link")).size).toBe(0);
    expect(() => writeXattr(at("link"), "user.x", Uint8Array.from([1]))).toThrow(withCode("EPERM"));
  });

  test("sets times to the nanosecond, also before the epoch and of links", () => {
    symlinkSync("nowhere", at("dangling"));
    setFileTimes(at("dangling"), { seconds: 1, nanoseconds: 2 }, { seconds: -5, nanoseconds: 123_456_789 });
    const stats = lstatSync(at("dangling"), { bigint: true });
    expect(stats.mtimeNs).toBe(-5_000_000_000n + 123_456_789n);
    expect(stats.atimeNs).toBe(1_000_000_002n);
  });

  test("locks an open file against other openings of it, in this process too", () => {
    writeFileSync(at("locked"), "");
    const [one, two] = [openSync(at("locked"), "r"), openSync(at("locked"), "r")];
    expect([tryLock(one, "shared"), tryLock(two, "shared")]).toEqual([true, true]);
    expect(tryLock(one, "exclusive")).toBe(false);
    unlock(two);
    unlock(two);
    expect([tryLock(one, "exclusive"), tryLock(two, "shared")]).toEqual([true, false]);
    closeSync(one);
    expect(tryLock(two, "exclusive")).toBe(true);
    closeSync(two);
    expect(() => tryLock(two, "shared")).toThrow(expect.objectContaining({ code: "EBADF", syscall: "flock" }));
  });

  test("renames a file, but never onto another one", () => {
    writeFileSync(at("from"), "new");
    writeFileSync(at("taken"), "old");
    const name = (path: string): string => fromText(at(path));
    expect(renameUnlessExists(name("from"), name("taken"))).toBe(false);
    expect(readFileSync(at("taken"), "utf8")).toBe("old");
    expect(renameUnlessExists(name("from"), name(fromText("to ä")))).toBe(true);
    expect(existsSync(at("from"))).toBe(false);
    expect(() => renameUnlessExists(name("from"), name("x"))).toThrow(withCode("ENOENT"));
  });

  test("makes pipes", () => {
    makeSpecialFile(at("pipe"), { type: "fifo", mode: 0o600 });
    expect(lstatSync(at("pipe")).isFIFO()).toBe(true);
    expect(() => makeSpecialFile(at("pipe"), { type: "fifo", mode: 0o600 })).toThrow(withCode("EEXIST"));
  });

  test("says what is wrong as Node does", () => {
    const missing = at(fromText("fehlt ä"));
    expect(() => setFileTimes(missing, { seconds: 0, nanoseconds: 0 }, { seconds: 0, nanoseconds: 0 })).toThrow(
      expect.objectContaining({ code: "ENOENT", syscall: "utimensat", path: join(directory, "fehlt ä") }),
    );
    expect(readXattrs(missing).size).toBe(0);
    expect(() => readXattrs("a\0b")).toThrow(withCode("EINVAL"));
  });
});

const isRoot = process.getuid?.() === 0;
requireOrSkip(
  "the kernel, for root",
  isLinux() && isRoot,
  "not root",
)(() => {
  test("makes devices", () => {
    makeSpecialFile(at("device"), { type: "char", mode: 0o666, major: 259, minor: 70_000 });
    const stats = lstatSync(at("device"), { bigint: true });
    expect(stats.isCharacterDevice()).toBe(true);
    expect(decodeDevice(stats.rdev)).toEqual({ major: 259, minor: 70_000 });
  });
});
