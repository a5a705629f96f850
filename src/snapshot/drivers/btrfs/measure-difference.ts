import { type BigIntStats, lstatSync, readdirSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Entered, enter, leave, type Reach, reach, within } from "../../../directory/index.ts";
import type { SnapshotUsage } from "../../snapshotter.ts";

/** A directory of the child, and the parent's at the same place; below anything else of the child's nothing is old. */
interface Pair {
  readonly now: Entered;
  readonly before: Entered | undefined;
  /** Directories in it that are not looked into yet. */
  readonly below: { readonly now: Reach; readonly before: Reach | undefined }[];
}

/**
 * What a snapshot of btrfs takes that its parent does not have: the inodes that were made or changed since. A changed file
 * counts as a whole, though the file system may share some of its blocks.
 */
export async function measureDifference(parent: string, child: string): Promise<SnapshotUsage> {
  const difference = new Difference();
  const open: Pair[] = [];
  const [before, now] = [reach(parent), reach(child)];
  difference.count(statsOf(before), lstatSync(now.path, { bigint: true }));
  try {
    open.push(difference.look({ now, before }));
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const next = top.below.pop();
      if (next !== undefined) open.push(difference.look(next));
      else close(open.pop() as Pair);
      await nextTurn();
    }
  } finally {
    for (const pair of open) close(pair);
  }
  return difference.usage;
}

function close({ now, before }: Pair): void {
  leave(now);
  if (before !== undefined) leave(before);
}

class Difference {
  readonly #counted = new Set<bigint>();
  #bytes = 0;

  get usage(): SnapshotUsage {
    return { bytes: this.#bytes, inodes: this.#counted.size };
  }

  count(before: BigIntStats | undefined, now: BigIntStats): void {
    if (this.#counted.has(now.ino) || isSame(before, now)) return;
    this.#counted.add(now.ino);
    this.#bytes += Number(now.blocks) * 512;
  }

  /** Counts what is in a directory, and tells which directories are. */
  look(place: Pair["below"][number]): Pair {
    const now = enter(place.now);
    const before = place.before === undefined ? undefined : enter(place.before);
    const below: Pair["below"] = [];
    for (const name of readdirSync(now.path, { encoding: "buffer" })) {
      const [file, old] = [within(now, name), before === undefined ? undefined : within(before, name)];
      const stats = lstatSync(file.path, { bigint: true });
      const oldStats = old === undefined ? undefined : statsOf(old);
      if (stats.isDirectory()) below.push({ now: file, before: oldStats?.isDirectory() === true ? old : undefined });
      this.count(oldStats, stats);
    }
    return { now, before, below };
  }
}

/** A snapshot begins with its parent's inodes, numbers and times of change included. */
function isSame(before: BigIntStats | undefined, now: BigIntStats): boolean {
  return before !== undefined && before.ino === now.ino && before.ctimeNs === now.ctimeNs;
}

function statsOf({ path }: Reach): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}
