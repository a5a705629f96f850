import { setImmediate as nextTurn } from "node:timers/promises";
import { assertNotAborted, type ByteString } from "../base/index.ts";
import { type ChangedField, EntryComparison, type TimePrecision } from "./compare-entries.ts";
import { type JoinedTrees, joinTrees } from "./join-trees.ts";
import type { LayerIndex } from "./layer-index.ts";
import { namesByInode, relinkedNames } from "./relinked-names.ts";
import { type WholeTree, wholeTree } from "./whole-tree.ts";

const ENTRIES_PER_TURN = 50_000;

/** What differs at one path. */
export interface TreeChange {
  readonly kind: "added" | "modified" | "deleted";
  /** Clean; `""` is the root. */
  readonly path: ByteString;
  /** The entry of the lower tree; undefined when it was added. */
  readonly lower: number | undefined;
  /** The entry of the upper tree; undefined when it was deleted. */
  readonly upper: number | undefined;
  /** What differs, when it was modified; else empty. */
  readonly fields: readonly ChangedField[];
}

/** How two trees are compared. */
export interface CompareTreesOptions {
  /**
   * Whether two regular files of one size, which is not 0, have the same data: asked where the metadata leaves it open, because
   * all of it is the same and the times are whole seconds (somebody may have cut the rest off). Both are entries that have data: of
   * a file with several names the first.
   */
  readonly isSameContent: (lowerEntry: number, upperEntry: number) => boolean | Promise<boolean>;
  /** Whether a time that both files have does not tell that they are the same: then {@link isSameContent} is asked too. */
  readonly isTimeFresh?: ((lowerEntry: number, upperEntry: number) => boolean) | undefined;
  /** `always`: it is asked for every pair of files of one size. Default: `unsure`. */
  readonly contents?: "unsure" | "always" | undefined;
  /** Default: `exact`. */
  readonly times?: TimePrecision | undefined;
  readonly signal?: AbortSignal | undefined;
}

type Fields = readonly ChangedField[];
type InodeComparison = (lower: number, upper: number) => Fields | Promise<Fields>;

/**
 * What is to be done to the lower tree for it to be the upper: in walk order, one deletion for a tree that was removed. Both are
 * whole trees in walk order (`ListedLayer`); a tree of no entries at all is nothing. A hardlink has the metadata of its target;
 * sizes of directories never count; the time of a directory does.
 *
 * @throws StrataError `tree-disordered` (invalid-argument) for an index that is no whole tree in walk order; `aborted`
 */
export async function compareTrees(
  lower: LayerIndex,
  upper: LayerIndex,
  options: CompareTreesOptions,
): Promise<TreeChange[]> {
  const trees = { lower: wholeTree(lower), upper: wholeTree(upper) };
  const joined = joinTrees(trees.lower, trees.upper);
  const groups = namesByInode(trees.upper);
  const compare = remembering(inodeComparison(lower, upper, options), (u) => groups.has(u));
  const isSame = async (l: number, u: number): Promise<boolean> => (await compare(l, u)).length === 0;
  const relinked = await relinkedNames({ ...trees, joined, groups, isSame });
  const changes: TreeChange[] = [];
  const deletions = deletionsOf(trees.lower, joined);
  for (let u = 0; u < upper.count; u++) {
    if (u % ENTRIES_PER_TURN === ENTRIES_PER_TURN - 1) await nextTurn();
    if (u % 1000 === 0) assertNotAborted(options.signal);
    deletions.before(u, changes);
    const l = joined.lowerOf[u] as number;
    if (l < 0) {
      changes.push({ kind: "added", path: trees.upper.paths.at(u), lower: undefined, upper: u, fields: [] });
      continue;
    }
    const compared = compare(trees.lower.inodes[l] as number, trees.upper.inodes[u] as number);
    const found = compared instanceof Promise ? await compared : compared;
    const fields: Fields = relinked.has(u) && found[0] !== "type" ? [...found, "links"] : found;
    if (fields.length > 0)
      changes.push({ kind: "modified", path: trees.upper.paths.at(u), lower: l, upper: u, fields });
  }
  deletions.before(upper.count, changes);
  return changes;
}

/** Compares two inodes by all but their names. */
function inodeComparison(
  lower: LayerIndex,
  upper: LayerIndex,
  { isSameContent, isTimeFresh, contents = "unsure", times = "exact" }: CompareTreesOptions,
): InodeComparison {
  const entries = new EntryComparison(lower, upper, times);
  return (l, u) => {
    const fields = entries.changedMetadata(l, u);
    if (!entries.mayDiffer(l, u)) return fields;
    const isUnsure = fields.length === 0 && (entries.isTimeWhole(l, u) || isTimeFresh?.(l, u) === true);
    if (contents !== "always" && !isUnsure) return fields;
    const withContent = (isSameData: boolean): Fields => (isSameData ? fields : ["content", ...fields]);
    const answer = isSameContent(l, u);
    return typeof answer === "boolean" ? withContent(answer) : answer.then(withContent);
  };
}

/** Content is compared once for all names of a file. */
function remembering(compare: InodeComparison, isWanted: (upper: number) => boolean): InodeComparison {
  const known = new Map<string, Fields | Promise<Fields>>();
  return (l, u) => {
    if (!isWanted(u)) return compare(l, u);
    const key = `${l}:${u}`;
    const found = known.get(key) ?? compare(l, u);
    known.set(key, found);
    return found;
  };
}

/** Hands out deletions in step with the entries of the upper tree. */
function deletionsOf(
  { paths }: WholeTree,
  { removed }: JoinedTrees,
): { readonly before: (upper: number, changes: TreeChange[]) => void } {
  let next = 0;
  return {
    before(upper, changes) {
      for (let gone = removed[next]; gone !== undefined && gone.before <= upper; gone = removed[++next]) {
        const path = paths.at(gone.lower);
        changes.push({ kind: "deleted", path, lower: gone.lower, upper: undefined, fields: [] });
      }
    },
  };
}
