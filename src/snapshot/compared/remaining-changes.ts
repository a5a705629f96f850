import { type ByteString, fromBuffer } from "../../base/index.ts";
import type { ChangedField, LayerIndex, TreeChange } from "../../layer/index.ts";

/** Where owner, mode and type of a file stand that could not be applied (containers-storage.conf(5), `force_mask`). */
const OVERRIDE_STAT = "user.containers.override_stat";
const RECORDED = /^(\d+):(\d+):([0-7]+):([a-z]+)(?:-(\d+)-(\d+))?$/;

/** The two trees in which a change counts its entries. */
export interface ComparedTrees {
  readonly expected: LayerIndex;
  readonly found: LayerIndex;
  /** The files belong to this user, who wrote down what they should be. */
  readonly isRecorded: boolean;
}

/** Takes from changes what is no difference because nobody could have applied it: labels of the host, and all that was recorded. */
export function remainingChanges(changes: readonly TreeChange[], trees: ComparedTrees): readonly TreeChange[] {
  const [expected, found] = [new Inodes(trees.expected), new Inodes(trees.found)];
  return changes.flatMap((change) => {
    const { lower, upper, fields } = change;
    if (lower === undefined || upper === undefined) return [change];
    const left = remainingFields(fields, { ...trees, l: expected.of(lower), u: found.of(upper) });
    return left.length === 0 ? [] : [{ ...change, fields: left }];
  });
}

interface Pair extends ComparedTrees {
  readonly l: number;
  readonly u: number;
}

function remainingFields(fields: readonly ChangedField[], pair: Pair): readonly ChangedField[] {
  const isLabel = (field: ChangedField): boolean => field === "xattrs" && hasSameXattrs(pair);
  const left = fields.filter((field) => !isLabel(field));
  if (!pair.isRecorded) return left;
  // A symlink has no room for a record.
  if (pair.expected.type(pair.l) === "symlink") return left.filter((field) => field !== "owner");
  return isAsRecorded(pair) ? left.filter((field) => !["type", "mode", "owner", "device"].includes(field)) : left;
}

/** Of recorded files only what every user may set counts. */
function hasSameXattrs({ expected, found, isRecorded, l, u }: Pair): boolean {
  const counts = (name: ByteString): boolean =>
    isRecorded ? name.startsWith("user.") && name !== OVERRIDE_STAT : name !== "security.selinux";
  const [before, after] = [expected.xattrs(l), found.xattrs(u)].map(
    (all) => new Map([...all].filter(([name]) => counts(name))),
  ) as [Map<ByteString, Uint8Array>, Map<ByteString, Uint8Array>];
  if (before.size !== after.size) return false;
  return [...before].every(([name, value]) => Buffer.compare(value, after.get(name) ?? Buffer.of()) === 0);
}

function isAsRecorded({ expected, found, l, u }: Pair): boolean {
  const value = found.xattrs(u).get(OVERRIDE_STAT);
  const [, uid, gid, mode, kind, major = 0, minor = 0] = RECORDED.exec(fromBuffer(Buffer.from(value ?? []))) ?? [];
  if (uid === undefined) return false;
  const { columns } = expected;
  const type = expected.type(l);
  const names: Readonly<Record<string, string>> = { directory: "dir", fifo: "pipe" };
  const device = type === "char" || type === "block" ? columns.device[l] : 0;
  return (
    columns.uid[l] === Number(uid) &&
    columns.gid[l] === Number(gid) &&
    columns.mode[l] === Number.parseInt(mode as string, 8) &&
    (names[type] ?? type) === kind &&
    device === ((Number(major) << 20) | Number(minor)) >>> 0
  );
}

/** Finds the entry that has the metadata of an entry, which may be one more name of a file. */
class Inodes {
  readonly #index: LayerIndex;
  #entries: Map<ByteString, number> | undefined;

  constructor(index: LayerIndex) {
    this.#index = index;
  }

  of(entry: number): number {
    if (this.#index.type(entry) !== "hardlink") return entry;
    this.#entries ??= new Map(Array.from({ length: this.#index.count }, (_, i) => [this.#index.name(i), i]));
    return this.#entries.get(this.#index.linkName(entry)) ?? entry;
  }
}
