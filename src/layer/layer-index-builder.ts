import { StrataError, toText } from "../base/index.ts";
import type { PlainEntry, TarEntry } from "../tar/index.ts";
import { allocateColumns, type Columns } from "./columns.ts";
import { entryTypeNumber } from "./entry-kind.ts";
import { encodeExtras } from "./extras.ts";
import { LayerIndex } from "./layer-index.ts";

const FIRST_ENTRIES = 1024;
/** Growing means copying, and new memory that is not touched costs nothing. */
const GROWTH = 4;
const FIRST_TEXT = 64 * 1024;
const MAX_ID = 0xffff_fffe;
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xf_ffff;
const MAX_NAME = 0xffff;
/** Bytes of a name that an error repeats. */
const LONGEST_QUOTE = 255;
const MAX_TEXT = 0xffff_ffff;

/** Collects the entries of a layer as they are read. Not usable after {@link finish}. */
export class LayerIndexBuilder {
  #columns: Columns = allocateColumns(FIRST_ENTRIES);
  #capacity = FIRST_ENTRIES;
  #count = 0;
  #text = Buffer.allocUnsafe(FIRST_TEXT);
  #textEnd = 0;
  readonly #extras: Buffer[] = [];
  #extrasEnd = 0;

  /**
   * Adds the next entry.
   *
   * @throws StrataError `entry-out-of-range` (malformed) when an id, device number or name is beyond what Linux can hold
   */
  add(entry: TarEntry): void {
    assertInRange(entry);
    const i = this.#count;
    if (i === this.#capacity) this.#grow();
    const columns = this.#columns;
    columns.type[i] = entryTypeNumber[entry.type];
    columns.mode[i] = entry.mode & 0o7777;
    columns.uid[i] = entry.uid;
    columns.gid[i] = entry.gid;
    columns.size[i] = entry.size;
    columns.mtimeSeconds[i] = entry.mtime.seconds;
    columns.mtimeNanoseconds[i] = entry.mtime.nanoseconds;
    columns.device[i] = ((entry.devMajor << 20) | entry.devMinor) >>> 0;
    columns.headerOffset[i] = entry.headerOffset;
    columns.dataOffset[i] = entry.dataOffset;
    columns.extra[i] = this.#addExtras(entry);
    this.#addText(entry, i);
    this.#count = i + 1;
  }

  /** Adds the next entry, of which it keeps nothing but what it says now. */
  addPlain(entry: PlainEntry): void {
    const i = this.#count;
    if (i === this.#capacity) this.#grow();
    const columns = this.#columns;
    columns.type[i] = entryTypeNumber[entry.type];
    columns.mode[i] = entry.mode;
    columns.uid[i] = entry.uid;
    columns.gid[i] = entry.gid;
    columns.size[i] = entry.size;
    columns.mtimeSeconds[i] = entry.mtimeSeconds;
    columns.headerOffset[i] = entry.headerOffset;
    columns.dataOffset[i] = entry.dataOffset;
    columns.nameLength[i] = entry.nameLength;
    this.#addBytes(entry.nameBytes, entry.nameLength);
    this.#addBytes(entry.linkBytes, entry.linkLength);
    columns.textStart[i + 1] = this.#textEnd;
    this.#count = i + 1;
  }

  /**
   * The index of all entries added.
   *
   * @param tarSize length of the whole uncompressed tar in bytes; left out for what is no tar
   */
  finish(tarSize = 0): LayerIndex {
    const count = this.#count;
    const columns = allocateColumns(count, this.#columns, count);
    const text = Buffer.from(this.#text.subarray(0, this.#textEnd));
    return new LayerIndex({ count, tarSize, columns, text, extras: Buffer.concat(this.#extras) });
  }

  #grow(): void {
    this.#columns = allocateColumns(this.#capacity * GROWTH, this.#columns, this.#count);
    this.#capacity *= GROWTH;
  }

  #addText({ name, linkName }: TarEntry, i: number): void {
    const end = this.#textEnd + name.length + linkName.length;
    if (end > this.#text.length) this.#growText(end);
    this.#text.write(name, this.#textEnd, "latin1");
    if (linkName.length > 0) this.#text.write(linkName, this.#textEnd + name.length, "latin1");
    this.#columns.nameLength[i] = name.length;
    this.#columns.textStart[i + 1] = end;
    this.#textEnd = end;
  }

  /** Adds the first bytes to the text: few, so that a loop is quicker than a call that copies. */
  #addBytes(bytes: Uint8Array, length: number): void {
    const start = this.#textEnd;
    if (start + length > this.#text.length) this.#growText(start + length);
    const text = this.#text;
    for (let i = 0; i < length; i++) text[start + i] = bytes[i] as number;
    this.#textEnd = start + length;
  }

  #growText(needed: number): void {
    if (needed > MAX_TEXT) {
      throw new StrataError({
        code: "layer-too-large",
        kind: "unsupported",
        message: "The names of this layer take more than 4 GiB",
      });
    }
    const larger = Buffer.allocUnsafe(Math.min(MAX_TEXT, Math.max(needed, this.#text.length * GROWTH)));
    larger.set(this.#text.subarray(0, this.#textEnd));
    this.#text = larger;
  }

  #addExtras({ xattrs, sparse }: TarEntry): number {
    if (xattrs === undefined && sparse === undefined) return 0;
    const record = encodeExtras({ ...(xattrs && { xattrs }), ...(sparse && { sparse }) });
    const reference = this.#extrasEnd + 1;
    this.#extras.push(record);
    this.#extrasEnd += record.length;
    return reference;
  }
}

function assertInRange(entry: TarEntry): void {
  const wrong = outOfRange(entry);
  if (wrong === undefined) return;
  const name = toText(entry.name.slice(0, LONGEST_QUOTE));
  throw new StrataError({
    code: "entry-out-of-range",
    kind: "malformed",
    message: `The entry "${name}" has a ${wrong} that Linux cannot hold`,
    details: { entry: name, offset: entry.headerOffset },
  });
}

function outOfRange(entry: TarEntry): string | undefined {
  if (!isWithin(entry.uid, MAX_ID)) return `user id (${entry.uid})`;
  if (!isWithin(entry.gid, MAX_ID)) return `group id (${entry.gid})`;
  if (!isWithin(entry.devMajor, MAX_MAJOR)) return `major device number (${entry.devMajor})`;
  if (!isWithin(entry.devMinor, MAX_MINOR)) return `minor device number (${entry.devMinor})`;
  if (entry.name.length > MAX_NAME) return `name of ${entry.name.length} bytes`;
  return undefined;
}

function isWithin(value: number, max: number): boolean {
  return value >= 0 && value <= max;
}
