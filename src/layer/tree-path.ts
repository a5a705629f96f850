import type { ByteString } from "../base/index.ts";
import type { LayerIndex } from "./layer-index.ts";

const SLASH = 0x2f;
const DOT = 0x2e;

/** Where the bytes of a path stand. */
export interface PathBytes {
  readonly text: Buffer;
  readonly start: number;
  readonly end: number;
}

/** The clean path of an entry of a whole tree, as bytes: without `./` before it and `/` behind it; the root has none. */
export function pathBytes({ text, columns }: LayerIndex, entry: number): PathBytes {
  const start = columns.textStart[entry] as number;
  return trimmed(text, start, start + (columns.nameLength[entry] as number));
}

/** The clean path that a hardlink names. */
export function targetBytes({ text, columns }: LayerIndex, entry: number): PathBytes {
  const start = (columns.textStart[entry] as number) + (columns.nameLength[entry] as number);
  return trimmed(text, start, columns.textStart[entry + 1] as number);
}

/** The clean path of an entry of a whole tree; `""` is the root. */
export function treePath(index: LayerIndex, entry: number): ByteString {
  const { text, start, end } = pathBytes(index, entry);
  return text.toString("latin1", start, end);
}

/**
 * Compares paths in walk order: byte by byte, where `/` counts as less than all others, so that a tree lies together: `a`,
 * `a/b`, `a-b`. Negative, 0 or positive as for `sort`.
 */
export function comparePaths(a: PathBytes, b: PathBytes): number {
  const shorter = Math.min(a.end - a.start, b.end - b.start);
  for (let i = 0; i < shorter; i++) {
    const x = a.text[a.start + i] as number;
    const y = b.text[b.start + i] as number;
    if (x !== y) return (x === SLASH ? 0 : x) - (y === SLASH ? 0 : y);
  }
  return a.end - a.start - (b.end - b.start);
}

/** Whether a path lies below a directory, at any depth. */
export function isBelow(path: PathBytes, directory: PathBytes): boolean {
  const length = directory.end - directory.start;
  if (path.end - path.start <= length) return false;
  if (length > 0 && path.text[path.start + length] !== SLASH) return false;
  return comparePaths({ ...path, end: path.start + length }, directory) === 0;
}

/** The path of the directory that holds a path; that of the root is its own. */
export function parentBytes({ text, start, end }: PathBytes): PathBytes {
  let at = end - 1;
  while (at > start && text[at] !== SLASH) at--;
  return { text, start, end: Math.max(at, start) };
}

function trimmed(text: Buffer, from: number, to: number): PathBytes {
  let start = from;
  if (text[start] === DOT && start < to) {
    if (to - start === 1) start++;
    else if (text[start + 1] === SLASH) start += 2;
  }
  const end = to > start && text[to - 1] === SLASH ? to - 1 : to;
  return { text, start, end };
}
