import type { ByteString } from "../base/index.ts";
import type { EntryType } from "./entry.ts";
import { BLOCK_SIZE, dialectOf, type Field, GNU, readNumber, USTAR } from "./header-block.ts";
import { typeOf } from "./typeflag.ts";

const MAX_ID = 0xffff_fffe;
const SLASH = 0x2f;

/**
 * An entry that one header block tells completely, as most do: a file, directory or link without PAX records, long names or times
 * beyond the one. Nothing in it is made for one entry alone: it is one object, which says something else with the next header, and
 * its names are bytes.
 */
export class PlainEntry {
  type: EntryType = "file";
  mode = 0;
  uid = 0;
  gid = 0;
  /** 0 for all types but `file`. */
  size = 0;
  mtimeSeconds = 0;
  headerOffset = 0;
  /** The name as stored is the first {@link nameLength} of these. */
  readonly nameBytes = new Uint8Array(USTAR.prefix.length + 1 + USTAR.name.length);
  nameLength = 0;
  /** The target of a link as stored is the first {@link linkLength} of these; none for the others. */
  readonly linkBytes = new Uint8Array(USTAR.linkName.length);
  linkLength = 0;

  get name(): ByteString {
    return Buffer.from(this.nameBytes.subarray(0, this.nameLength)).toString("latin1");
  }

  /** Where its data would begin. */
  get dataOffset(): number {
    return this.headerOffset + BLOCK_SIZE;
  }

  /**
   * Takes the header block at `start`, whose checksum is known to be right.
   *
   * @returns false when it is no plain one, or no sound one: then what is said here means nothing
   */
  take(bytes: Buffer, start: number, headerOffset: number): boolean {
    const typeflag = bytes[start + USTAR.typeflag.at] as number;
    if (!isPlainType(typeflag)) return false;
    const dialect = dialectOf(bytes, start);
    if (dialect !== "ustar" && !(dialect === "gnu" && hasNoTimes(bytes, start))) return false;
    this.type = typeOf(typeflag) as EntryType;
    this.headerOffset = headerOffset;
    this.#takeNames(bytes, start, dialect === "ustar");
    return this.#takeNumbers(bytes, start);
  }

  #takeNames(bytes: Buffer, start: number, hasPrefix: boolean): void {
    const { nameBytes } = this;
    const prefixLength = hasPrefix ? copyText(bytes, start, USTAR.prefix, nameBytes, 0) : 0;
    if (prefixLength > 0) nameBytes[prefixLength] = SLASH;
    this.nameLength = copyText(bytes, start, USTAR.name, nameBytes, prefixLength > 0 ? prefixLength + 1 : 0);
    const isLink = this.type === "symlink" || this.type === "hardlink";
    this.linkLength = isLink ? copyText(bytes, start, USTAR.linkName, this.linkBytes, 0) : 0;
  }

  #takeNumbers(bytes: Buffer, start: number): boolean {
    const mode = readNumber(bytes, start, USTAR.mode);
    const uid = readNumber(bytes, start, USTAR.uid);
    const gid = readNumber(bytes, start, USTAR.gid);
    const size = readNumber(bytes, start, USTAR.size);
    const mtime = readNumber(bytes, start, USTAR.mtime);
    this.mode = mode & 0o7777;
    this.uid = uid;
    this.gid = gid;
    this.size = this.type === "file" ? size : 0;
    this.mtimeSeconds = mtime;
    // Written so that NaN fails.
    return mode - mode === 0 && mtime - mtime === 0 && size >= 0 && isId(uid) && isId(gid);
  }
}

function isPlainType(typeflag: number): boolean {
  switch (typeflag) {
    case 0x30:
    case 0x31:
    case 0x32:
    case 0x35:
      return true;
    default:
      return false;
  }
}

/** GNU keeps further times where ustar has the prefix; what Go wrote there in its place does not begin with NUL. */
function hasNoTimes(bytes: Buffer, start: number): boolean {
  return bytes[start + GNU.atime.at] === 0 && bytes[start + GNU.ctime.at] === 0;
}

function isId(value: number): boolean {
  return value >= 0 && value <= MAX_ID;
}

/** Copies a text without its NUL to `at`, and returns where it ends there. */
function copyText(bytes: Buffer, start: number, field: Field, target: Uint8Array, at: number): number {
  let i = start + field.at;
  const end = i + field.length;
  let to = at;
  while (i < end && bytes[i] !== 0) target[to++] = bytes[i++] as number;
  return to;
}
