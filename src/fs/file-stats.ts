import type { BigIntStats, Stats } from "node:fs";
import { DerivedStats } from "./derived-stats.ts";
import type { StatsLike } from "./fs-like.ts";

const BLOCK = 4096;
const NS_PER_MS = 1_000_000n;

/** Everything that `stat` tells, in one form: `mode` with the type bits, `rdev` as makedev(3), times in nanoseconds. */
export interface FileFacts {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly blocks: number;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly birthtimeNs: bigint;
}

/** Reads what some file system calls its stats. */
export function factsOf(stats: StatsLike): FileFacts {
  const { atimeMs, mtimeMs, ctimeMs, birthtimeMs } = stats;
  return {
    dev: Number(stats.dev),
    ino: Number(stats.ino),
    mode: Number(stats.mode),
    nlink: Number(stats.nlink),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    rdev: Number(stats.rdev),
    size: Number(stats.size),
    blocks: Number(stats.blocks),
    atimeNs: stats.atimeNs ?? nanoseconds(atimeMs),
    mtimeNs: stats.mtimeNs ?? nanoseconds(mtimeMs),
    ctimeNs: stats.ctimeNs ?? nanoseconds(ctimeMs),
    birthtimeNs: stats.birthtimeNs ?? nanoseconds(birthtimeMs),
  };
}

function nanoseconds(ms: number | bigint): bigint {
  return typeof ms === "bigint" ? ms * NS_PER_MS : BigInt(Math.round(ms * 1e6));
}

/** What `fs.Stats` holds. Not an instance of it, which Node lets nobody construct. */
export class FileStats extends DerivedStats implements Stats {
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

  constructor(facts: FileFacts) {
    super();
    this.dev = facts.dev;
    this.mode = facts.mode;
    this.nlink = facts.nlink;
    this.uid = facts.uid;
    this.gid = facts.gid;
    this.rdev = facts.rdev;
    this.ino = facts.ino;
    this.size = facts.size;
    this.blocks = facts.blocks;
    this.atimeMs = milliseconds(facts.atimeNs);
    this.mtimeMs = milliseconds(facts.mtimeNs);
    this.ctimeMs = milliseconds(facts.ctimeNs);
    this.birthtimeMs = milliseconds(facts.birthtimeNs);
  }
}

/** {@link FileStats} in bigints, with the times in nanoseconds too, as `{ bigint: true }` asks. */
export class FileBigIntStats extends DerivedStats implements BigIntStats {
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

  constructor(facts: FileFacts) {
    super();
    this.dev = BigInt(facts.dev);
    this.mode = BigInt(facts.mode);
    this.nlink = BigInt(facts.nlink);
    this.uid = BigInt(facts.uid);
    this.gid = BigInt(facts.gid);
    this.rdev = BigInt(facts.rdev);
    this.ino = BigInt(facts.ino);
    this.size = BigInt(facts.size);
    this.blocks = BigInt(facts.blocks);
    this.atimeNs = facts.atimeNs;
    this.mtimeNs = facts.mtimeNs;
    this.ctimeNs = facts.ctimeNs;
    this.birthtimeNs = facts.birthtimeNs;
    this.atimeMs = facts.atimeNs / NS_PER_MS;
    this.mtimeMs = facts.mtimeNs / NS_PER_MS;
    this.ctimeMs = facts.ctimeNs / NS_PER_MS;
    this.birthtimeMs = facts.birthtimeNs / NS_PER_MS;
  }
}

/** As Node computes it: whole milliseconds and a fraction. */
function milliseconds(ns: bigint): number {
  return Number(ns / NS_PER_MS) + Number(ns % NS_PER_MS) / 1e6;
}
