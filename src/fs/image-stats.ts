import { type DeviceNumber, type FileNode, TYPE_BITS } from "../tree/index.ts";
import { BigNumberStats, type FileNumbers, type FileTimes, NumberStats } from "./number-stats.ts";

/** One file system has one device number; this one names none that Linux gives to a disk. */
const DEVICE = 1;
const SECTOR = 512;

/**
 * What `fs.Stats` holds, from one node. All four times are the modification time, the only one that layers keep.
 * `dev` is 1, `ino` the node's number in this image, `size` of a directory 0, `blocks` what the file would take
 * without holes. Dates are made when asked, as in newer versions of Node. Not an instance of `fs.Stats`, which Node lets
 * nobody construct.
 */
export class ImageStats extends NumberStats {
  constructor(node: FileNode) {
    const { seconds, nanoseconds } = node.mtime;
    super(numbersOf(node), fourTimes(seconds * 1e3 + nanoseconds / 1e6));
  }
}

/** {@link ImageStats} in bigints, with the times in nanoseconds too, as `{ bigint: true }` asks. */
export class ImageBigIntStats extends BigNumberStats {
  constructor(node: FileNode) {
    const { seconds, nanoseconds } = node.mtime;
    super(numbersOf(node), fourTimes(BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds)));
  }
}

function numbersOf(node: FileNode): FileNumbers {
  return {
    dev: DEVICE,
    ino: node.inode,
    mode: TYPE_BITS[node.type] | node.mode,
    nlink: node.nlink,
    uid: node.uid,
    gid: node.gid,
    rdev: encodeDevice(node.device),
    size: node.size,
    blocks: node.type === "file" ? Math.ceil(node.size / SECTOR) : 0,
  };
}

function fourTimes<T>(time: T): FileTimes<T> {
  return { atime: time, mtime: time, ctime: time, birthtime: time };
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
