import type { BigIntStats, Stats } from "node:fs";
import { DerivedStats } from "./derived-stats.ts";

const BLOCK = 4096;
const NS_PER_MS = 1_000_000n;

/** What `stat` tells beside times: `mode` with the type bits, `rdev` as makedev(3), `blocks` of 512 bytes. */
export interface FileNumbers {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly blocks: number;
}

/** The four times of a file since the epoch. */
export interface FileTimes<T> {
  readonly atime: T;
  readonly mtime: T;
  readonly ctime: T;
  readonly birthtime: T;
}

/** What `fs.Stats` holds. Not an instance of it, which Node lets nobody construct. */
export abstract class NumberStats extends DerivedStats implements Stats {
  readonly dev: number;
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

  /** @param times in milliseconds */
  constructor(numbers: FileNumbers, times: FileTimes<number>) {
    super();
    this.dev = numbers.dev;
    this.mode = numbers.mode;
    this.nlink = numbers.nlink;
    this.uid = numbers.uid;
    this.gid = numbers.gid;
    this.rdev = numbers.rdev;
    this.ino = numbers.ino;
    this.size = numbers.size;
    this.blocks = numbers.blocks;
    this.atimeMs = times.atime;
    this.mtimeMs = times.mtime;
    this.ctimeMs = times.ctime;
    this.birthtimeMs = times.birthtime;
  }
}

/** {@link NumberStats} in bigints, with the times in nanoseconds too, as `{ bigint: true }` asks. */
export abstract class BigNumberStats extends DerivedStats implements BigIntStats {
  readonly dev: bigint;
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

  /** @param times in nanoseconds */
  constructor(numbers: FileNumbers, times: FileTimes<bigint>) {
    super();
    this.dev = BigInt(numbers.dev);
    this.mode = BigInt(numbers.mode);
    this.nlink = BigInt(numbers.nlink);
    this.uid = BigInt(numbers.uid);
    this.gid = BigInt(numbers.gid);
    this.rdev = BigInt(numbers.rdev);
    this.ino = BigInt(numbers.ino);
    this.size = BigInt(numbers.size);
    this.blocks = BigInt(numbers.blocks);
    this.atimeNs = times.atime;
    this.mtimeNs = times.mtime;
    this.ctimeNs = times.ctime;
    this.birthtimeNs = times.birthtime;
    this.atimeMs = times.atime / NS_PER_MS;
    this.mtimeMs = times.mtime / NS_PER_MS;
    this.ctimeMs = times.ctime / NS_PER_MS;
    this.birthtimeMs = times.birthtime / NS_PER_MS;
  }
}
