import { HARDLINK } from "./entry-kind.ts";
import type { JoinedTrees } from "./join-trees.ts";
import type { WholeTree } from "./whole-tree.ts";

/** All that {@link relinkedNames} looks at. */
export interface LinkComparison {
  readonly lower: WholeTree;
  readonly upper: WholeTree;
  readonly joined: JoinedTrees;
  /** {@link namesByInode} of the upper tree. */
  readonly groups: ReadonlyMap<number, readonly number[]>;
  /** Whether two inodes, one of each tree, are the same but for their names. */
  readonly isSame: (lower: number, upper: number) => Promise<boolean>;
}

/** The names of each inode that has several, in walk order, by the number of the first. */
export function namesByInode({ index, inodes }: WholeTree): Map<number, number[]> {
  const names = new Map<number, number[]>();
  for (let entry = 0; entry < index.count; entry++) {
    if (index.columns.type[entry] !== HARDLINK) continue;
    const inode = inodes[entry] as number;
    const known = names.get(inode);
    if (known === undefined) names.set(inode, [inode, entry]);
    else known.push(entry);
  }
  return names;
}

/**
 * The names of the upper tree that were there before and share their inode with other names than before. A name that an inode
 * lost counts for nothing: whoever removes it, or puts a file in its place, leaves the others as they are. So where
 * the names of one inode fell apart, the first inode that is otherwise the same keeps the place of the old one.
 */
export async function relinkedNames(trees: LinkComparison): Promise<ReadonlySet<number>> {
  const { groups } = trees;
  const relinked = new Set<number>();
  for (const names of groups.values()) {
    if (lowerInodeOf(trees, names) === undefined) for (const name of names) relinked.add(name);
  }
  for (const names of namesByInode(trees.lower).values()) {
    const successors = successorsOf(trees, names);
    if (successors.size < 2) continue;
    const heir = await heirOf(trees, successors);
    for (const inode of successors) {
      if (inode !== heir) for (const name of groups.get(inode) ?? [inode]) relinked.add(name);
    }
  }
  return relinked;
}

/** The one inode that all these names had in the lower tree; undefined when there is none. */
function lowerInodeOf(trees: LinkComparison, names: readonly number[]): number | undefined {
  const [first, ...others] = names.map((name) => lowerInode(trees, name));
  return others.every((inode) => inode === first) ? first : undefined;
}

function lowerInode({ lower, upper, joined }: LinkComparison, name: number): number | undefined {
  const before = joined.lowerOf[name] as number;
  if (before < 0) return undefined;
  const inode = lower.inodes[before] as number;
  const type = upper.index.columns.type[upper.inodes[name] as number];
  return lower.index.columns.type[inode] === type ? inode : undefined;
}

/** The inodes of the upper tree that names of one of the lower have now, in walk order. */
function successorsOf(trees: LinkComparison, names: readonly number[]): Set<number> {
  const successors = new Set<number>();
  for (const name of names) {
    const after = trees.joined.upperOf[name] as number;
    if (after >= 0 && lowerInode(trees, after) !== undefined) successors.add(trees.upper.inodes[after] as number);
  }
  return successors;
}

async function heirOf(trees: LinkComparison, successors: ReadonlySet<number>): Promise<number | undefined> {
  for (const inode of successors) {
    const before = lowerInodeOf(trees, trees.groups.get(inode) ?? [inode]);
    if (before !== undefined && (await trees.isSame(before, inode))) return inode;
  }
  return undefined;
}
