import type { ByteString, FileTime } from "../base/index.ts";
import type { EntryType, SparseRun } from "../tar/index.ts";
import type { Columns } from "./columns.ts";
import { ENTRY_TYPES } from "./entry-kind.ts";
import { decodeExtras, type Extras, NO_EXTRAS } from "./extras.ts";

/** What {@link LayerIndex} is made of. */
export type LayerIndexParts = Pick<LayerIndex, "count" | "tarSize" | "columns" | "text" | "extras">;

/**
 * The table of contents of one layer: every entry of its tar in tar order, with the offset of its data.
 *
 * Columnar: an entry is a number from 0 to `count - 1`, and each fact about it is one element of one typed array, so
 * that millions of entries fit in memory and objects are made only for what somebody looks at. Immutable.
 * Build one with {@link LayerIndexBuilder}; keep one with {@link encodeLayerIndex}.
 */
export class LayerIndex {
  /** Number of entries. */
  readonly count: number;
  /** Bytes of the whole uncompressed tar, what follows its end marker included; 0 when the layer never was a tar. */
  readonly tarSize: number;
  /** The columns themselves, for hot loops in the rooms above; treat them as read-only. */
  readonly columns: Columns;
  /** Names and link targets one after the other; {@link Columns} says where each lies. */
  readonly text: Buffer;
  /** Records of xattrs and sparse runs; {@link Columns} says where each lies. */
  readonly extras: Buffer;

  constructor(parts: LayerIndexParts) {
    this.count = parts.count;
    this.tarSize = parts.tarSize;
    this.columns = parts.columns;
    this.text = parts.text;
    this.extras = parts.extras;
  }

  /** Name as the archive has it, not cleaned. */
  name(entry: number): ByteString {
    const start = this.columns.textStart[entry] as number;
    return this.text.toString("latin1", start, start + (this.columns.nameLength[entry] as number));
  }

  /** Target of a symlink or hardlink as the archive has it; `""` for the others. */
  linkName(entry: number): ByteString {
    const start = (this.columns.textStart[entry] as number) + (this.columns.nameLength[entry] as number);
    const end = this.columns.textStart[entry + 1] as number;
    return start === end ? "" : this.text.toString("latin1", start, end);
  }

  /** Length of {@link linkName}. */
  linkLength(entry: number): number {
    const { textStart, nameLength } = this.columns;
    return (textStart[entry + 1] as number) - (textStart[entry] as number) - (nameLength[entry] as number);
  }

  type(entry: number): EntryType {
    return ENTRY_TYPES[this.columns.type[entry] as number] as EntryType;
  }

  mtime(entry: number): FileTime {
    return {
      seconds: this.columns.mtimeSeconds[entry] as number,
      nanoseconds: this.columns.mtimeNanoseconds[entry] as number,
    };
  }

  xattrs(entry: number): ReadonlyMap<ByteString, Uint8Array> {
    // Most entries have none, and millions are asked.
    return this.columns.extra[entry] === 0 ? NO_EXTRAS.xattrs : this.#extras(entry).xattrs;
  }

  /** Runs of data of a sparse file, ascending; undefined for every other entry. */
  sparse(entry: number): readonly SparseRun[] | undefined {
    return this.#extras(entry).sparse;
  }

  #extras(entry: number): Extras {
    const reference = this.columns.extra[entry] as number;
    return reference === 0 ? NO_EXTRAS : decodeExtras(this.extras, reference - 1);
  }
}
