/**
 * The columns of a layer index: one typed array per fact, one element per entry, in tar order.
 *
 * `textStart` has one element more than there are entries: the text of entry `i` (its name, then its link target)
 * is `text[textStart[i] .. textStart[i + 1])`, of which the first `nameLength[i]` bytes are the name.
 * `extra` is 0 for most entries; otherwise the entry's xattrs and sparse runs are at `extras[extra[i] - 1]`.
 */
export interface Columns {
  readonly dataOffset: Float64Array;
  readonly headerOffset: Float64Array;
  readonly size: Float64Array;
  readonly mtimeSeconds: Float64Array;
  readonly mtimeNanoseconds: Uint32Array;
  readonly uid: Uint32Array;
  readonly gid: Uint32Array;
  /** `major << 20 | minor`, as the kernel's own 32-bit dev_t. */
  readonly device: Uint32Array;
  readonly textStart: Uint32Array;
  readonly extra: Uint32Array;
  readonly nameLength: Uint16Array;
  readonly mode: Uint16Array;
  readonly type: Uint8Array;
}

type Column = Columns[keyof Columns];
type ColumnConstructor = {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, at: number, n: number): Column;
};

/** Names and element types, widest first, so that each column is aligned when they lie one after the other. */
const COLUMN_LAYOUT: readonly (readonly [keyof Columns, ColumnConstructor])[] = [
  ["dataOffset", Float64Array],
  ["headerOffset", Float64Array],
  ["size", Float64Array],
  ["mtimeSeconds", Float64Array],
  ["mtimeNanoseconds", Uint32Array],
  ["uid", Uint32Array],
  ["gid", Uint32Array],
  ["device", Uint32Array],
  ["textStart", Uint32Array],
  ["extra", Uint32Array],
  ["nameLength", Uint16Array],
  ["mode", Uint16Array],
  ["type", Uint8Array],
];

/** Elements of a column when there are `count` entries. */
function columnLength(name: keyof Columns, count: number): number {
  return name === "textStart" ? count + 1 : count;
}

/** Bytes that all columns take for `count` entries. */
export function columnBytes(count: number): number {
  let bytes = 0;
  for (const [name, type] of COLUMN_LAYOUT) bytes += columnLength(name, count) * type.BYTES_PER_ELEMENT;
  return bytes;
}

/** Columns over one buffer from `start` (a multiple of 8) on, without copying. */
export function viewColumns(buffer: ArrayBuffer, start: number, count: number): Columns {
  const columns: Partial<Record<keyof Columns, Column>> = {};
  let at = start;
  for (const [name, type] of COLUMN_LAYOUT) {
    const length = columnLength(name, count);
    columns[name] = new type(buffer, at, length);
    at += length * type.BYTES_PER_ELEMENT;
  }
  return columns as Columns;
}

/** Room for `capacity` entries, with the first `count` taken from `old`. */
export function allocateColumns(capacity: number, old?: Columns, count = 0): Columns {
  const columns = viewColumns(new ArrayBuffer(columnBytes(capacity)), 0, capacity);
  if (old === undefined) return columns;
  for (const [name] of COLUMN_LAYOUT) {
    (columns[name] as Uint8Array).set((old[name] as Uint8Array).subarray(0, columnLength(name, count)));
  }
  return columns;
}
