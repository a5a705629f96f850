import type { BigIntStats, Stats } from "node:fs";
import { type DeviceNumber, type FileNode, TYPE_BITS } from "../tree/index.ts";
import { DerivedStats } from "./derived-stats.ts";

/** One file system has one device number; this one names none that Linux gives to a disk. */
const DEVICE = 1;
const BLOCK = 4096;
const SECTOR = 512;

/**
 * What `fs.Stats` holds, from one node. All four times are the modification time, the only one that layers keep.
 * `dev` is 1, `ino` the node's number in this image, `size` of a directory 0, `blocks` what the file would take
 * without holes. Dates are made when asked, as in newer versions of Node. Not an instance of `fs.Stats`, which Node lets
 * nobody construct.
 */
export class ImageStats extends DerivedStats implements Stats {
  readonly dev = DEVICE;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly blksize = BLOCK;
  readonly ino: number;
  readonly size: number;
  readonly blocks: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly birthtimeMs: number;

  constructor(node: FileNode) {
    super();
    this.mode = modeOf(node);
    this.nlink = node.nlink;
    this.uid = node.uid;
    this.gid = node.gid;
    this.rdev = encodeDevice(node.device);
    this.ino = node.inode;
    this.size = node.size;
    this.blocks = blocksOf(node);
    const { seconds, nanoseconds } = node.mtime;
    const ms = seconds * 1e3 + nanoseconds / 1e6;
    this.atimeMs = ms;
    this.mtimeMs = ms;
    this.ctimeMs = ms;
    this.birthtimeMs = ms;
  }
}

/** {@link ImageStats} in bigints, with the times in nanoseconds too, as `{ bigint: true }` asks. */
export class ImageBigIntStats extends DerivedStats implements BigIntStats {
  readonly dev = BigInt(DEVICE);
  readonly mode: bigint;
  readonly nlink: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly rdev: bigint;
  readonly blksize = BigInt(BLOCK);
  readonly ino: bigint;
  readonly size: bigint;
  readonly blocks: bigint;
  readonly atimeMs: bigint;
  readonly mtimeMs: bigint;
  readonly ctimeMs: bigint;
  readonly birthtimeMs: bigint;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly birthtimeNs: bigint;

  constructor(node: FileNode) {
    super();
    this.mode = BigInt(modeOf(node));
    this.nlink = BigInt(node.nlink);
    this.uid = BigInt(node.uid);
    this.gid = BigInt(node.gid);
    this.rdev = BigInt(encodeDevice(node.device));
    this.ino = BigInt(node.inode);
    this.size = BigInt(node.size);
    this.blocks = BigInt(blocksOf(node));
    const ns = BigInt(node.mtime.seconds) * 1_000_000_000n + BigInt(node.mtime.nanoseconds);
    this.atimeNs = ns;
    this.mtimeNs = ns;
    this.ctimeNs = ns;
    this.birthtimeNs = ns;
    const ms = ns / 1_000_000n;
    this.atimeMs = ms;
    this.mtimeMs = ms;
    this.ctimeMs = ms;
    this.birthtimeMs = ms;
  }
}

function modeOf(node: FileNode): number {
  return TYPE_BITS[node.type] | node.mode;
}

function blocksOf(node: FileNode): number {
  return node.type === "file" ? Math.ceil(node.size / SECTOR) : 0;
}

/** `makedev` of glibc, which is what Node reports. Multiplied, not shifted: it does not fit 32 signed bits. */
function encodeDevice({ major, minor }: DeviceNumber): number {
  return Math.floor(minor / 0x100) * 0x10_0000 + (major & 0xfff) * 0x100 + (minor & 0xff);
}

/** The inverse of {@link encodeDevice}. */
export function decodeDevice(rdev: number): DeviceNumber {
  const minor = (rdev & 0xff) + Math.floor(rdev / 0x10_0000) * 0x100;
  return { major: Math.floor(rdev / 0x100) & 0xfff, minor };
}
