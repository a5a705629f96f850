import { BLOCK, CHAR, FILE, SYMLINK } from "./entry-kind.ts";
import type { LayerIndex } from "./layer-index.ts";

/**
 * What may differ between two entries at the same path, in the order in which it is told.
 * `content` is known to differ where sizes do, else where somebody compared it; `links`: it shares its inode with other names than before.
 */
export type ChangedField = "type" | "content" | "mode" | "owner" | "mtime" | "xattrs" | "target" | "device" | "links";

/** How exact times are; `truncated`: where one side has whole seconds only, an archive may have cut the rest off. */
export type TimePrecision = "exact" | "truncated";

const SAME: readonly ChangedField[] = [];
const OTHER_TYPE: readonly ChangedField[] = ["type"];

/** Compares entries of two indexes, none of them a hardlink. It allocates nothing for equal ones. */
export class EntryComparison {
  readonly #lower: LayerIndex;
  readonly #upper: LayerIndex;
  readonly #times: TimePrecision;

  constructor(lower: LayerIndex, upper: LayerIndex, times: TimePrecision) {
    this.#lower = lower;
    this.#upper = upper;
    this.#times = times;
  }

  /** What the metadata says; of entries of different types only that. */
  changedMetadata(l: number, u: number): readonly ChangedField[] {
    const type = this.#upper.columns.type[u] as number;
    if (this.#lower.columns.type[l] !== type) return OTHER_TYPE;
    const hasSameContent = type !== FILE || this.#isEqual("size", l, u);
    // Linux gives all symlinks the same mode; archives write what they like.
    const hasSameMode = type === SYMLINK || this.#isEqual("mode", l, u);
    const hasSameOwner = this.#hasSameOwner(l, u);
    const hasSameTime = this.#hasSameTime(l, u);
    const hasSameXattrs = this.#hasSameXattrs(l, u);
    const hasSameTarget = type !== SYMLINK || this.#lower.linkName(l) === this.#upper.linkName(u);
    const hasSameDevice = !isDevice(type) || this.#isEqual("device", l, u);
    const isSame = hasSameContent && hasSameMode && hasSameOwner && hasSameTime && hasSameXattrs;
    if (isSame && hasSameTarget && hasSameDevice) return SAME;
    const fields: ChangedField[] = [];
    if (!hasSameContent) fields.push("content");
    if (!hasSameMode) fields.push("mode");
    if (!hasSameOwner) fields.push("owner");
    if (!hasSameTime) fields.push("mtime");
    if (!hasSameXattrs) fields.push("xattrs");
    if (!hasSameTarget) fields.push("target");
    if (!hasSameDevice) fields.push("device");
    return fields;
  }

  /** Whether a time is one of whole seconds, which proves little. */
  isTimeWhole(l: number, u: number): boolean {
    return this.#lower.columns.mtimeNanoseconds[l] === 0 || this.#upper.columns.mtimeNanoseconds[u] === 0;
  }

  /** Whether both are files of one size, and have data. */
  mayDiffer(l: number, u: number): boolean {
    const a = this.#lower.columns;
    const b = this.#upper.columns;
    return b.type[u] === FILE && a.type[l] === FILE && (b.size[u] as number) > 0 && a.size[l] === b.size[u];
  }

  #isEqual(column: "size" | "mode" | "uid" | "gid" | "device", l: number, u: number): boolean {
    return this.#lower.columns[column][l] === this.#upper.columns[column][u];
  }

  #hasSameOwner(l: number, u: number): boolean {
    return this.#isEqual("uid", l, u) && this.#isEqual("gid", l, u);
  }

  #hasSameTime(l: number, u: number): boolean {
    const a = this.#lower.columns;
    const b = this.#upper.columns;
    if (a.mtimeSeconds[l] !== b.mtimeSeconds[u]) return false;
    const x = a.mtimeNanoseconds[l];
    const y = b.mtimeNanoseconds[u];
    return x === y || (this.#times === "truncated" && (x === 0 || y === 0));
  }

  #hasSameXattrs(l: number, u: number): boolean {
    if (this.#lower.columns.extra[l] === 0 && this.#upper.columns.extra[u] === 0) return true;
    const before = this.#lower.xattrs(l);
    const after = this.#upper.xattrs(u);
    if (before.size !== after.size) return false;
    return [...before].every(([name, value]) => {
      const other = after.get(name);
      return other !== undefined && Buffer.compare(value, other) === 0;
    });
  }
}

function isDevice(type: number): boolean {
  return type === CHAR || type === BLOCK;
}
