import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { requireOrSkip } from "../../test/support/skip.ts";
import { cloneFile, copyRange, punchHole } from "./copy-range.ts";
import { fileMaker, removeXattr, setModeAt, setTimesAt, setXattr } from "./file-metadata.ts";
import {
  createFileAt,
  makeDirectoryAt,
  makeLinkAt,
  makeSpecialFileAt,
  makeSymlinkAt,
  namesIn,
  openDirectoryAt,
  removeDirectoryAt,
  removeTreeAt,
  renameAt,
  unlinkAt,
} from "./files-at.ts";
import { isLinux } from "./libc.ts";
import { openDirectory, openDirectoryBeneath, openDirectoryByComponents, openInRoot } from "./open-beneath.ts";
import { listXattrs } from "./xattr.ts";

let directory: string;
let root: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "files-at-test-"));
  root = openDirectory(directory);
});
afterEach(() => {
  closeSync(root);
  rmSync(directory, { recursive: true, force: true });
});
const at = (...names: string[]): string => join(directory, ...names);
const withCode = (code: string): unknown => expect.objectContaining({ code });

requireOrSkip(
  "files beneath open directories",
  isLinux(),
  "not Linux",
)(() => {
  it.each([
    ["openat2", openDirectoryBeneath],
    ["a walk by components", openDirectoryByComponents],
  ])("are reached by %s, which follows nothing and never leads out", (_, open) => {
    mkdirSync(at("a/b"), { recursive: true });
    writeFileSync(at("a/b/f"), "");
    symlinkSync("a", at("relative"));
    symlinkSync("/etc", at("absolute"));
    const fd = open(root, "a/b");
    expect(namesIn(fd)).toEqual(["f"]);
    closeSync(fd);
    closeSync(open(root, ""));
    for (const path of ["relative", "relative/b", "absolute"]) {
      expect(() => open(root, path), path).toThrow(/ELOOP|ENOTDIR/);
    }
    expect(() => open(root, "a/../../..")).toThrow(withCode("EXDEV"));
    expect(() => open(root, "a/b/f")).toThrow(withCode("ENOTDIR"));
    expect(() => open(root, "missing")).toThrow(withCode("ENOENT"));
  });

  it("are opened for reading as inside a root", () => {
    mkdirSync(at("etc"));
    writeFileSync(at("etc/passwd"), "inside");
    symlinkSync("/etc", at("absolute"));
    symlinkSync("../../../../etc/passwd", at("up"));
    for (const path of ["absolute/passwd", "up", "/etc/passwd"]) {
      const fd = openInRoot(root, path);
      expect(readFileSync(fd, "utf8")).toBe("inside");
      closeSync(fd);
    }
  });

  it("are made exclusively", () => {
    symlinkSync(at("elsewhere"), at("taken"));
    expect(() => createFileAt(root, "taken", 0o600)).toThrow(withCode("EEXIST"));
    expect(() => makeDirectoryAt(root, "taken", 0o700)).toThrow(withCode("EEXIST"));
    expect(existsSync(at("elsewhere"))).toBe(false);
    closeSync(createFileAt(root, "new", 0o600));
    makeLinkAt({ directory: root, name: "taken" }, root, "link");
    expect(lstatSync(at("link")).isSymbolicLink()).toBe(true);
    makeSymlinkAt(root, "s", "\xff");
    makeSpecialFileAt(root, "p", { type: "fifo", mode: 0o600 });
    renameAt({ directory: root, name: "p" }, { directory: root, name: "q" });
    expect(namesIn(root).sort()).toEqual(["link", "new", "q", "s", "taken"]);
    unlinkAt(root, "new");
    expect(() => removeDirectoryAt(root, "q")).toThrow(withCode("ENOTDIR"));
  });

  it("are described without following a symlink", () => {
    writeFileSync(at("target"), "", { mode: 0o600 });
    symlinkSync("target", at("link"));
    expect(() => setModeAt(root, "link", 0o777)).toThrow(/E(?:OPNOTSUPP|NOTSUP|LOOP)/);
    setTimesAt(root, "link", { seconds: 2 ** 33, nanoseconds: 7 });
    expect(lstatSync(at("link"), { bigint: true }).mtimeNs).toBe(2n ** 33n * 1_000_000_000n + 7n);
    expect(statSync(at("target")).mode & 0o777).toBe(0o600);
    expect(statSync(at("target")).mtimeMs).toBeGreaterThan(0);
  });

  it("have attributes that can be listed and removed", () => {
    const fd = openSync(at("f"), "w");
    setXattr(fd, "user.a", Buffer.from("1"));
    setXattr(fd, "user.b", new Uint8Array());
    expect(listXattrs(fd).filter((name) => name.startsWith("user."))).toEqual(["user.a", "user.b"]);
    removeXattr(fd, "user.a");
    removeXattr(fd, "user.a");
    expect(listXattrs(fd)).not.toContain("user.a");
    closeSync(fd);
  });

  it("are removed with all below them, however deep, and symlinks are not followed", () => {
    mkdirSync(at("outside"));
    writeFileSync(at("outside/f"), "");
    makeDirectoryAt(root, "top", 0o700);
    let fd = openDirectoryAt(root, "top");
    for (let depth = 0; depth < 400; depth++) {
      makeSymlinkAt(fd, "l", at("outside"));
      makeDirectoryAt(fd, "d", 0o700);
      const next = openDirectoryAt(fd, "d");
      closeSync(fd);
      fd = next;
    }
    closeSync(fd);
    removeTreeAt(root, "top");
    removeTreeAt(root, "top");
    expect(readdirSync(directory)).toEqual(["outside"]);
    expect(readdirSync(at("outside"))).toEqual(["f"]);
  });

  it("are copied in ranges, to the end of what is there", () => {
    writeFileSync(at("from"), "0123456789");
    const [from, to] = [openSync(at("from"), "r"), openSync(at("to"), "w")];
    expect(copyRange({ fd: from, offset: 2 }, { fd: to, offset: 4 }, 5)).toBe(5);
    expect(copyRange({ fd: from, offset: 8 }, { fd: to, offset: 9 }, 100)).toBe(2);
    expect(readFileSync(at("to"), "latin1")).toBe("\0\0\0\x002345689");
    for (const fd of [from, to]) closeSync(fd);
  });

  it("are copied from another file system, too", () => {
    const [from, to] = [openSync("/proc/self/status", "r"), openSync(at("to"), "w")];
    expect(copyRange({ fd: from, offset: 0 }, { fd: to, offset: 0 }, 6)).toBe(6);
    expect(readFileSync(at("to"), "latin1")).toBe("Name:\t");
    for (const fd of [from, to]) closeSync(fd);
  });

  it("share blocks or say that they cannot, and give back blocks", () => {
    writeFileSync(at("from"), "x".repeat(1024 * 1024));
    const [from, to] = [openSync(at("from"), "r+"), openSync(at("to"), "w+")];
    if (cloneFile(from, to)) expect(readFileSync(at("to"))).toEqual(readFileSync(at("from")));
    else expect(statSync(at("to")).size).toBe(0);
    const before = readFileSync(at("from"));
    if (punchHole(from, 0, 64 * 1024)) before.fill(0, 0, 64 * 1024);
    expect(readFileSync(at("from")).equals(before)).toBe(true);
    for (const fd of [from, to]) closeSync(fd);
  });

  it("belong to their maker", () => {
    const { uid, gid, umask } = fileMaker();
    expect([uid, gid]).toEqual([process.geteuid?.(), process.getegid?.()]);
    closeSync(createFileAt(root, "f", 0o777));
    expect(statSync(at("f")).mode & 0o777).toBe(0o777 & ~umask);
  });
});
