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
  /** Directories of the child, and whether the parent has a directory there: below anything else of its own nothing is old. */
  const pending: { readonly directory: ByteString; readonly isOld: boolean }[] = [{ directory: "", isOld: true }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { directory, isOld } = next;
    for (const name of readdirSync(toBuffer(to + directory), { encoding: "buffer" })) {
      const path = `${directory}/${fromBuffer(name)}`;
      const now = lstatSync(toBuffer(to + path), { bigint: true });
      const before = isOld ? statsOf(from + path) : undefined;
      if (now.isDirectory()) pending.push({ directory: path, isOld: before?.isDirectory() === true });
      take(before, now);
    }
    await nextTurn();
  }
  return { bytes, inodes: counted.size };
}

/** A snapshot begins with its parent's inodes, numbers and times of change included. */
function isSame(before: BigIntStats | undefined, now: BigIntStats): boolean {
  return before !== undefined && before.ino === now.ino && before.ctimeNs === now.ctimeNs;
}

function statsOf(path: ByteString): BigIntStats | undefined {
  return lstatSync(toBuffer(path), { bigint: true, throwIfNoEntry: false });
}
