import { type BigIntStats, lstatSync, readdirSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type ByteString, fromBuffer, fromText, toBuffer } from "../../../base/index.ts";
import type { SnapshotUsage } from "../../snapshotter.ts";

/**
 * What a snapshot of btrfs takes that its parent does not have: the inodes that were made or changed since. A changed file
 * counts as a whole, though the file system may share some of its blocks.
 */
export async function measureDifference(parent: string, child: string): Promise<SnapshotUsage> {
  const counted = new Set<bigint>();
  let bytes = 0;
  const take = (before: BigIntStats | undefined, now: BigIntStats): void => {
    if (counted.has(now.ino) || isSame(before, now)) return;
    counted.add(now.ino);
    bytes += Number(now.blocks) * 512;
  };
  const [from, to] = [fromText(parent), fromText(child)];
  take(statsOf(from), lstatSync(toBuffer(to), { bigint: true }));
  const pending: ByteString[] = [""];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const name of readdirSync(toBuffer(to + directory), { encoding: "buffer" })) {
      const path = `${directory}/${fromBuffer(name)}`;
      const now = lstatSync(toBuffer(to + path), { bigint: true });
      if (now.isDirectory()) pending.push(path);
      take(statsOf(from + path), now);
    }
    await nextTurn();
  }
  return { bytes, inodes: counted.size };
}

/** A snapshot begins with its parent's inodes, numbers and times of change included. */
function isSame(before: BigIntStats | undefined, now: BigIntStats): boolean {
  return before !== undefined && before.ino === now.ino && before.ctimeNs === now.ctimeNs;
}

/** Undefined also where a directory of the child was something else. */
function statsOf(path: ByteString): BigIntStats | undefined {
  try {
    return lstatSync(toBuffer(path), { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw error;
  }
}
