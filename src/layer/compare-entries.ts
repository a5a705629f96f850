import type { ByteString } from "../base/index.ts";
import { BLOCK, CHAR, FILE, SYMLINK } from "./entry-kind.ts";
import type { LayerIndex } from "./layer-index.ts";

/**
 * What differs between two entries at the same path; `links`: it shares its inode with other names than before.
 * Content is known to differ where sizes do, else where somebody compared it.
 */
export type ChangedField = "type" | "content" | "mode" | "owner" | "mtime" | "xattrs" | "target" | "device" | "links";

/**
 * How exact times are: `exact`, or `truncated`: where one side has whole seconds only, an archive may have cut the rest off.
 */
export type TimePrecision = "exact" | "truncated";

/** One of each tree; neither is a hardlink. */
export interface EntryPair {
  readonly lower: LayerIndex;
  readonly l: number;
  readonly upper: LayerIndex;
  readonly u: number;
}

const SAME: readonly ChangedField[] = [];
const OTHER_TYPE: readonly ChangedField[] = ["type"];

/** What the metadata of two entries says; of entries of different types only that. Allocates nothing for equal ones. */
export function changedMetadata(pair: EntryPair, times: TimePrecision): readonly ChangedField[] {
  const { lower, l, upper, u } = pair;
  const [a, b] = [lower.columns, upper.columns];
  const type = b.type[u];
  if (a.type[l] !== type) return OTHER_TYPE;
  const isDevice = type === CHAR || type === BLOCK;
  let fields: ChangedField[] | undefined;
  const note = (field: ChangedField): void => {
    fields ??= [];
    fields.push(field);
  };
  if (type === FILE && a.size[l] !== b.size[u]) note("content");
  // Linux gives all symlinks the same mode; archives write what they like.
  if (type !== SYMLINK && a.mode[l] !== b.mode[u]) note("mode");
  if (a.uid[l] !== b.uid[u] || a.gid[l] !== b.gid[u]) note("owner");
  if (!isSameTime(pair, times)) note("mtime");
  if (!hasSameXattrs(pair)) note("xattrs");
  if (type === SYMLINK && !hasSameTarget(pair)) note("target");
  if (isDevice && a.device[l] !== b.device[u]) note("device");
  return fields ?? SAME;
}

/** Whether two files whose metadata is the same may differ in their data all the same: times of whole seconds prove little. */
export function isContentUnsure({ lower, l, upper, u }: EntryPair): boolean {
  const isWhole = lower.columns.mtimeNanoseconds[l] === 0 || upper.columns.mtimeNanoseconds[u] === 0;
  return isWhole && mayDiffer({ lower, l, upper, u });
}

/** Whether both are files of one size, and have data. */
export function mayDiffer({ lower, l, upper, u }: EntryPair): boolean {
  const size = upper.columns.size[u] as number;
  return upper.columns.type[u] === FILE && lower.columns.type[l] === FILE && size > 0 && lower.columns.size[l] === size;
}

function isSameTime({ lower, l, upper, u }: EntryPair, times: TimePrecision): boolean {
  const [a, b] = [lower.columns, upper.columns];
  if (a.mtimeSeconds[l] !== b.mtimeSeconds[u]) return false;
  const [x, y] = [a.mtimeNanoseconds[l], b.mtimeNanoseconds[u]];
  return x === y || (times === "truncated" && (x === 0 || y === 0));
}

function hasSameXattrs({ lower, l, upper, u }: EntryPair): boolean {
  if (lower.columns.extra[l] === 0 && upper.columns.extra[u] === 0) return true;
  const [a, b] = [lower.xattrs(l), upper.xattrs(u)];
  return a.size === b.size && [...a].every(([name, value]) => isSameValue(value, name, b));
}

function isSameValue(value: Uint8Array, name: ByteString, others: ReadonlyMap<ByteString, Uint8Array>): boolean {
  const other = others.get(name);
  return other !== undefined && Buffer.compare(value, other) === 0;
}

function hasSameTarget({ lower, l, upper, u }: EntryPair): boolean {
  return lower.linkLength(l) === upper.linkLength(u) && lower.linkName(l) === upper.linkName(u);
}
