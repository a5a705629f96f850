import type { StatsLike } from "./fs-like.ts";
import { BigNumberStats, type FileNumbers, type FileTimes, NumberStats } from "./number-stats.ts";

const NS_PER_MS = 1_000_000n;

/** Everything that `stat` tells, in one form, with the times in nanoseconds. */
export interface FileFacts extends FileNumbers {
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
export class FileStats extends NumberStats {
  constructor(facts: FileFacts) {
    super(facts, timesOf(facts, milliseconds));
  }
}

/** {@link FileStats} in bigints, with the times in nanoseconds too, as `{ bigint: true }` asks. */
export class FileBigIntStats extends BigNumberStats {
  constructor(facts: FileFacts) {
    super(
      facts,
      timesOf(facts, (ns) => ns),
    );
  }
}

function timesOf<T>({ atimeNs, mtimeNs, ctimeNs, birthtimeNs }: FileFacts, as: (ns: bigint) => T): FileTimes<T> {
  return { atime: as(atimeNs), mtime: as(mtimeNs), ctime: as(ctimeNs), birthtime: as(birthtimeNs) };
}

/** As Node computes it: whole milliseconds and a fraction. */
function milliseconds(ns: bigint): number {
  return Number(ns / NS_PER_MS) + Number(ns % NS_PER_MS) / 1e6;
}
