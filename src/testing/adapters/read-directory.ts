import { spawnSync } from "node:child_process";
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type ByteString, fromBuffer, toBuffer } from "../../base/index.ts";
import { type FileNode, type FileType, joinPath } from "../../tree/index.ts";
import { sortTree, type TreeFile } from "../tree-script.ts";

type Xattrs = ReadonlyMap<ByteString, ReadonlyMap<ByteString, Uint8Array>>;

/** Attributes that belong to the machine, not to the image. */
const FOREIGN = /^(security\.selinux|system\.posix_acl_|(trusted|user)\.overlay\.)/;

/**
 * The tree below a directory as it lies on disk, content included; nothing is followed. Extended attributes are read by
 * the command `getfattr`, once for the whole tree; without it there are none. Sockets are left out, and names without a
 * file behind them, as overlayfs lists for whiteouts in unmerged directories. For trees that fit into memory.
 */
export function readDirectory(root: string): TreeFile[] {
  const xattrs = readXattrs(root);
  const files: TreeFile[] = [];
  const pending: ByteString[] = [""];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const place = Buffer.concat([Buffer.from(`${root}/`), toBuffer(path)]);
    const stats = lstatSync(place, { bigint: true, throwIfNoEntry: false });
    const type = stats === undefined ? undefined : typeOf(stats);
    if (stats === undefined || type === undefined) continue;
    const linkTarget = type === "symlink" ? fromBuffer(readlinkSync(place, { encoding: "buffer" })) : "";
    const node = { ...nodeOf(stats, type), linkTarget, xattrs: xattrs.get(path) ?? new Map() };
    files.push({ path, node, content: type === "file" ? readFileSync(place) : undefined });
    if (type !== "directory") continue;
    for (const name of readdirSync(place, { encoding: "buffer" })) pending.push(joinPath(path, fromBuffer(name)));
  }
  return sortTree(files);
}

function nodeOf(stats: BigIntStats, type: FileType): Omit<FileNode, "linkTarget" | "xattrs"> {
  const isDevice = type === "char" || type === "block";
  const seconds = stats.mtimeNs / 1_000_000_000n - (stats.mtimeNs % 1_000_000_000n < 0n ? 1n : 0n);
  return {
    type,
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: type === "file" || type === "symlink" ? Number(stats.size) : 0,
    mtime: { seconds: Number(seconds), nanoseconds: Number(stats.mtimeNs - seconds * 1_000_000_000n) },
    nlink: Number(stats.nlink),
    inode: Number(stats.ino),
    device: isDevice ? deviceOf(stats.rdev) : { major: 0, minor: 0 },
  };
}

/** glibc's layout of dev_t (sys/sysmacros.h), as lstat returns it. */
function deviceOf(rdev: bigint): { major: number; minor: number } {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  };
}

function typeOf(stats: BigIntStats): FileType | undefined {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  if (stats.isSymbolicLink()) return "symlink";
  if (stats.isCharacterDevice()) return "char";
  if (stats.isBlockDevice()) return "block";
  return stats.isFIFO() ? "fifo" : undefined;
}

function readXattrs(root: string): Xattrs {
  const all = new Map<ByteString, Map<ByteString, Uint8Array>>();
  const { stdout } = spawnSync("getfattr", ["-R", "-P", "-h", "-d", "-m", "-", "-e", "hex", "."], {
    cwd: root,
    encoding: "latin1",
    maxBuffer: 1 << 28,
  });
  let current = new Map<ByteString, Uint8Array>();
  for (const line of (stdout ?? "").split("\n")) {
    const path = /^# file: (?:\.\/|\.$)?(.*)$/.exec(line)?.[1];
    if (path !== undefined) {
      current = new Map();
      all.set(unescapeName(path), current);
    } else if (line !== "") {
      const [name = "", value = ""] = line.split("=0x");
      if (!FOREIGN.test(name)) current.set(unescapeName(name.replace(/=$/, "")), Buffer.from(value, "hex"));
    }
  }
  return all;
}

function unescapeName(text: string): ByteString {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
