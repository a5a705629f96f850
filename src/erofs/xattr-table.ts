import { fromBuffer } from "../base/index.ts";
import { XATTR_ENTRY_BYTES, XATTR_HEADER_BYTES } from "./on-disk.ts";
import type { StoredName } from "./xattr-name.ts";

/** As many shared attributes as the 8 bits of their number can tell. */
const MOST_SHARED = 255;
/** The 16 bits of an inode's count of units, less what the header takes. */
const MOST_BYTES = XATTR_HEADER_BYTES + 0xfffe * XATTR_ENTRY_BYTES;

interface Attribute extends StoredName {
  readonly value: Uint8Array;
  /** Bytes of its entry, padded. */
  readonly bytes: number;
  /** Inodes that have it. */
  uses: number;
  /** Position in the area of shared attributes; -1 while it is not there. */
  sharedAt: number;
}

interface AttributeSet {
  readonly attributes: readonly Attribute[];
  uses: number;
}

/** What an xattr of one file is. */
export interface NamedXattr extends StoredName {
  readonly value: Uint8Array;
}

/**
 * All xattrs of an image. Files with equal attributes have one *set*; what many files have is stored once and shared
 * where that takes less room. Use: {@link add} for each file, {@link seal} once, then the rest.
 */
export class XattrTable {
  readonly #attributes = new Map<string, Attribute>();
  readonly #byKey = new Map<string, number>();
  readonly #sets: AttributeSet[] = [];
  #bodies: Uint8Array[] = [];
  readonly #shared: Attribute[] = [];
  #sharedBytes = 0;

  /** Notes the attributes of one file; returns the number of its set, counted from 1, or 0 when it has none. */
  add(xattrs: readonly NamedXattr[]): number {
    if (xattrs.length === 0) return 0;
    const keys = xattrs.map(keyOf).sort();
    const key = keys.join("");
    let number = this.#byKey.get(key);
    if (number === undefined) {
      number = this.#sets.push({ attributes: xattrs.map((xattr) => this.#attribute(xattr)), uses: 0 });
      this.#byKey.set(key, number);
    }
    (this.#sets[number - 1] as AttributeSet).uses++;
    return number;
  }

  /**
   * Decides what is shared. Nothing is added afterwards.
   * @returns numbers of sets that are too long for any inode: normally none
   */
  seal(): readonly number[] {
    for (const { attributes, uses } of this.#sets) for (const attribute of attributes) attribute.uses += uses;
    for (const attribute of this.#attributes.values()) if (isWorthSharing(attribute)) this.#share(attribute);
    const tooLong: number[] = [];
    this.#sets.forEach((set, i) => {
      if (!this.#shorten(set)) tooLong.push(i + 1);
    });
    if (tooLong.length === 0) this.#bodies = this.#sets.map(encodeBody);
    this.#attributes.clear();
    this.#byKey.clear();
    return tooLong;
  }

  /** What lies behind the inode of a file with this set. */
  body(set: number): Uint8Array {
    return this.#bodies[set - 1] as Uint8Array;
  }

  /** Length of the area of shared attributes. */
  get sharedBytes(): number {
    return this.#sharedBytes;
  }

  /** The area of shared attributes. */
  encodeShared(): Uint8Array {
    const area = Buffer.alloc(this.#sharedBytes);
    for (const attribute of this.#shared) encodeEntry(attribute, area, attribute.sharedAt);
    return area;
  }

  #attribute(xattr: NamedXattr): Attribute {
    const key = keyOf(xattr);
    let attribute = this.#attributes.get(key);
    if (attribute === undefined) {
      attribute = { ...xattr, bytes: entryBytes(xattr), uses: 0, sharedAt: -1 };
      this.#attributes.set(key, attribute);
    }
    return attribute;
  }

  #share(attribute: Attribute): void {
    attribute.sharedAt = this.#sharedBytes;
    this.#sharedBytes += attribute.bytes;
    this.#shared.push(attribute);
  }

  /** Shares the largest attributes of a set that would be too long; false when that does not help. */
  #shorten(set: AttributeSet): boolean {
    const own = set.attributes.filter(({ sharedAt }) => sharedAt < 0).sort((a, b) => b.bytes - a.bytes);
    const room = Math.max(0, MOST_SHARED - (set.attributes.length - own.length));
    let length = bodyBytes(set);
    for (const attribute of own.slice(0, room)) {
      if (length <= MOST_BYTES) break;
      this.#share(attribute);
      length -= attribute.bytes - XATTR_ENTRY_BYTES;
    }
    return bodyBytes(set) <= MOST_BYTES;
  }
}

function keyOf({ index, suffix, value }: NamedXattr): string {
  return `${index}${suffix}\0${value.length}\0${fromBuffer(value)}`;
}

/** A reference takes as much room as the smallest unit of an entry. */
function isWorthSharing({ uses, bytes }: Attribute): boolean {
  return uses > 1 && bytes + uses * XATTR_ENTRY_BYTES < uses * bytes;
}

function entryBytes({ suffix, value }: NamedXattr): number {
  const bytes = 4 + suffix.length + value.length;
  return bytes + (-bytes & (XATTR_ENTRY_BYTES - 1));
}

/** What a body refers to, the largest first, and what it has itself. */
function divide({ attributes }: AttributeSet): { readonly shared: Attribute[]; readonly own: Attribute[] } {
  const shared = attributes.filter(({ sharedAt }) => sharedAt >= 0).sort((a, b) => b.bytes - a.bytes);
  const own = attributes.filter(({ sharedAt }) => sharedAt < 0);
  return { own: [...own, ...shared.splice(MOST_SHARED)], shared };
}

function bodyBytes(set: AttributeSet): number {
  const { shared, own } = divide(set);
  return own.reduce((sum, { bytes }) => sum + bytes, XATTR_HEADER_BYTES + shared.length * XATTR_ENTRY_BYTES);
}

function encodeBody(set: AttributeSet): Uint8Array {
  const body = Buffer.alloc(bodyBytes(set));
  const { shared, own } = divide(set);
  body[4] = shared.length;
  let at = XATTR_HEADER_BYTES;
  for (const { sharedAt } of shared) at = body.writeUInt32LE(sharedAt / XATTR_ENTRY_BYTES, at);
  for (const attribute of own) {
    encodeEntry(attribute, body, at);
    at += attribute.bytes;
  }
  return body;
}

function encodeEntry({ index, suffix, value }: Attribute, target: Buffer, at: number): void {
  target[at] = suffix.length;
  target[at + 1] = index;
  target.writeUInt16LE(value.length, at + 2);
  target.write(suffix, at + 4, "latin1");
  target.set(value, at + 4 + suffix.length);
}
