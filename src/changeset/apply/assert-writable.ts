import { type ByteString, StrataError } from "../../base/index.ts";
import { type LayerIndex, SYMLINK, whereIs } from "../../layer/index.ts";

/** What Linux takes: NAME_MAX, and PATH_MAX without its NUL. */
const LONGEST_NAME = 255;
const LONGEST_TARGET = 4095;

/**
 * Looks for what no file system could hold, so that it is found before anything is written.
 * @throws StrataError `symlink-empty`, `unsafe-path` (hostile), `entry-out-of-range` (malformed), with entry and offset
 */
export function assertWritable(index: LayerIndex): void {
  const mayHaveNul = index.text.includes(0);
  for (let entry = 0; entry < index.count; entry++) {
    const isSymlink = index.columns.type[entry] === SYMLINK;
    if (!isSymlink && !mayHaveNul && (index.columns.nameLength[entry] as number) <= LONGEST_NAME) continue;
    const trouble = nameTrouble(index.name(entry)) ?? (isSymlink ? targetTrouble(index.linkName(entry)) : undefined);
    if (trouble !== undefined) throw troubleAt(index, entry, trouble);
  }
}

interface Trouble {
  readonly code: "symlink-empty" | "unsafe-path" | "entry-out-of-range";
  /** Completes "The entry … has". */
  readonly what: string;
}

function nameTrouble(name: ByteString): Trouble | undefined {
  if (name.includes("\0")) return { code: "unsafe-path", what: "a NUL in its name" };
  // What a whiteout removes is shorter than its own name.
  const parts = name.length <= LONGEST_NAME ? [] : name.replace(/(^|\/)\.wh\.([^/]*)$/, "$1$2").split("/");
  const longest = parts.reduce((most, { length }) => Math.max(most, length), 0);
  if (longest <= LONGEST_NAME) return undefined;
  return { code: "entry-out-of-range", what: `a part of ${longest} bytes in its name, which Linux cannot hold` };
}

function targetTrouble(target: ByteString): Trouble | undefined {
  if (target === "") return { code: "symlink-empty", what: "no target" };
  if (target.includes("\0")) return { code: "unsafe-path", what: "a NUL in its target" };
  if (target.length <= LONGEST_TARGET) return undefined;
  return { code: "entry-out-of-range", what: `a target of ${target.length} bytes, which Linux cannot hold` };
}

function troubleAt(index: LayerIndex, entry: number, { code, what }: Trouble): StrataError {
  const details = whereIs(index, entry);
  return new StrataError({
    code,
    kind: code === "entry-out-of-range" ? "malformed" : "hostile",
    message: `Cannot apply the entry "${details.entry}": it has ${what}`,
    details,
  });
}
