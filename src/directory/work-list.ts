import { type ByteString, toBuffer } from "../base/index.ts";
import type { SparseRun } from "../tar/index.ts";
import type { MergedNode } from "../union/index.ts";
import { safeName, safeTarget } from "./safe-name.ts";

/** What a row of a work list asks for. */
export const PLAIN_FILE = 0;
export const SYMBOLIC_LINK = 1;
export const CHAR_DEVICE = 2;
export const BLOCK_DEVICE = 3;
export const PIPE = 4;
/** A device 0:0 that overlayfs takes for a deletion. */
export const WHITEOUT = 5;
/** A directory to be made; its metadata are set when everything in it is there. */
export const NEW_DIRECTORY = 6;
/** A directory that is there and gets other metadata. */
export const CHANGED_DIRECTORY = 7;
/** A directory that is there; only its time has to be set again. */
export const TOUCHED_DIRECTORY = 8;

/** Types of nodes as kinds of rows. */
const KINDS = {
  file: PLAIN_FILE,
  symlink: SYMBOLIC_LINK,
  char: CHAR_DEVICE,
  block: BLOCK_DEVICE,
  fifo: PIPE,
  directory: NEW_DIRECTORY,
} as const;

/** An extended attribute to be set. */
export interface Attribute {
  readonly name: ByteString;
  readonly value: Uint8Array;
}

/** What few rows have. */
export interface RowExtras {
  readonly attributes: readonly Attribute[];
  /** Runs of data of a sparse file. */
  readonly sparse: readonly SparseRun[] | undefined;
}

/** Rows of one table, a typed array for each fact: they cross threads as they are. */
export interface Rows {
  readonly count: number;
  /** Number of the directory that the row's name is in; the root's is itself. */
  readonly parent: Uint32Array;
  /** Where the name begins in `text`, after it the target of a symlink; one element more, for the end of the last. */
  readonly textStart: Float64Array;
  readonly nameLength: Uint16Array;
  readonly kind: Uint8Array;
  readonly mode: Uint16Array;
  readonly uid: Uint32Array;
  readonly gid: Uint32Array;
  readonly seconds: Float64Array;
  readonly nanoseconds: Uint32Array;
  readonly size: Float64Array;
  /** Where the content lies in the layer's tar. */
  readonly dataOffset: Float64Array;
  readonly layer: Uint16Array;
  readonly major: Uint32Array;
  readonly minor: Uint32Array;
  readonly text: Buffer;
  /** By number of the row. */
  readonly extras: ReadonlyMap<number, RowExtras>;
}

const NUMBERS = {
  parent: Uint32Array,
  nameLength: Uint16Array,
  kind: Uint8Array,
  mode: Uint16Array,
  uid: Uint32Array,
  gid: Uint32Array,
  seconds: Float64Array,
  nanoseconds: Uint32Array,
  size: Float64Array,
  dataOffset: Float64Array,
  layer: Uint16Array,
  major: Uint32Array,
  minor: Uint32Array,
} as const;

type NumberColumn = keyof typeof NUMBERS;
type NumberArray = {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: SharedArrayBuffer): Rows[NumberColumn];
};

/** One row, before it is a part of a table. */
export interface Row {
  readonly parent: number;
  readonly name: ByteString;
  readonly node: MergedNode;
  /** Default: what the node's type asks for. */
  readonly kind?: number;
  /** Offset of a file's content in the tar of its layer. */
  readonly dataOffset?: number;
  readonly extras?: RowExtras | undefined;
}

/** Collects rows. Names are judged here, so that what cannot be safe never comes to a disk. */
export class RowsBuilder {
  readonly #numbers = Object.fromEntries(Object.keys(NUMBERS).map((name) => [name, []])) as unknown as Record<
    NumberColumn,
    number[]
  >;
  readonly #textStart: number[] = [0];
  #texts: ByteString[] = [];
  readonly #parts: Buffer[] = [];
  #pending = 0;
  readonly #extras = new Map<number, RowExtras>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @returns the number of the row @throws StrataError `unsafe-path`, `symlink-empty` */
  add({ parent, name, node, kind = KINDS[node.type], dataOffset = 0, extras }: Row): number {
    const target = kind === SYMBOLIC_LINK ? safeTarget(name, node.linkTarget) : "";
    const isDevice = kind === CHAR_DEVICE || kind === BLOCK_DEVICE;
    const { major, minor } = isDevice ? node.device : { major: 0, minor: 0 };
    const numbers = this.#numbers;
    numbers.parent.push(parent);
    numbers.nameLength.push(name.length);
    numbers.kind.push(kind);
    numbers.mode.push(node.mode);
    numbers.uid.push(node.uid);
    numbers.gid.push(node.gid);
    numbers.seconds.push(node.mtime.seconds);
    numbers.nanoseconds.push(node.mtime.nanoseconds);
    numbers.size.push(kind === PLAIN_FILE ? node.size : 0);
    numbers.dataOffset.push(dataOffset);
    numbers.layer.push(node.layer);
    numbers.major.push(major);
    numbers.minor.push(minor);
    this.#addText(this.#count === 0 && name === "" ? name : safeName(name), target);
    if (extras !== undefined) this.#extras.set(this.#count, extras);
    return this.#count++;
  }

  finish(): Rows {
    this.#flush();
    const numbers = Object.entries<NumberArray>(NUMBERS).map(([name, type]) => {
      const values = this.#numbers[name as NumberColumn];
      const column = new type(new SharedArrayBuffer(type.BYTES_PER_ELEMENT * values.length));
      column.set(values);
      return [name, column];
    });
    const textStart = new Float64Array(new SharedArrayBuffer(8 * this.#textStart.length));
    textStart.set(this.#textStart);
    const columns = Object.fromEntries(numbers) as Pick<Rows, NumberColumn>;
    return { ...columns, count: this.#count, textStart, text: this.#joinText(), extras: this.#extras };
  }

  #addText(name: ByteString, target: ByteString): void {
    this.#texts.push(name, target);
    this.#pending += name.length + target.length;
    this.#textStart.push((this.#textStart[this.#count] as number) + name.length + target.length);
    if (this.#pending > LONGEST_TEXT) this.#flush();
  }

  #flush(): void {
    this.#parts.push(toBuffer(this.#texts.join("")));
    this.#texts = [];
    this.#pending = 0;
  }

  #joinText(): Buffer {
    const text = Buffer.from(new SharedArrayBuffer(this.#parts.reduce((sum, part) => sum + part.length, 0)));
    let at = 0;
    for (const part of this.#parts) at += part.copy(text, at);
    return text;
  }
}

/** Names wait as strings until they are that long together. */
const LONGEST_TEXT = 1024 * 1024;

/** Rows that came from another thread: of a buffer, only the bytes arrive. */
export function shareRows(rows: Rows): Rows {
  const { buffer, byteOffset, byteLength } = rows.text;
  return { ...rows, text: Buffer.from(buffer, byteOffset, byteLength) };
}

/** The name of a row. */
export function nameOfRow({ text, textStart, nameLength }: Rows, row: number): ByteString {
  const start = textStart[row] as number;
  return text.toString("latin1", start, start + (nameLength[row] as number));
}

/** The target of a row that asks for a symlink. */
export function targetOfRow({ text, textStart, nameLength }: Rows, row: number): ByteString {
  const start = (textStart[row] as number) + (nameLength[row] as number);
  return text.toString("latin1", start, textStart[row + 1]);
}

/** The clean path of a directory of a table; `""` is the root, which is row 0. */
export function pathOfDirectory(directories: Rows, row: number): ByteString {
  const names: ByteString[] = [];
  for (let at = row; at !== 0; at = directories.parent[at] as number) names.push(nameOfRow(directories, at));
  return names.reverse().join("/");
}

/** A further name for a file. */
export interface LinkRow {
  /** An item of the list, or a name that is there already. */
  readonly from: number | { readonly directory: number; readonly name: ByteString };
  readonly directory: number;
  readonly name: ByteString;
}

/** Everything that is to be done in a directory, in the order of the fields. */
export interface WorkList {
  /** Clean paths; what is there goes, with everything below. */
  readonly removals: readonly ByteString[];
  /** Parents before children; row 0 is the root. */
  readonly directories: Rows;
  /** Files of one directory lie next to each other, mostly. */
  readonly items: Rows;
  readonly links: readonly LinkRow[];
}
