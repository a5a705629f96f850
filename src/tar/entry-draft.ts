import type { FileTime } from "../base/index.ts";
import type { EntryType, TarEntry } from "./entry.ts";
import { dialectOf, type Field, GNU, readNumber, readString, STAR, USTAR } from "./header-block.ts";
import { malformedTar } from "./tar-error.ts";

/** An entry while its header and extensions are being merged. It becomes the entry itself: one object per entry. */
export type EntryDraft = { -readonly [K in keyof TarEntry]: TarEntry[K] };

const MAX_ID = 0xffff_ffff;
const MAX_DEVICE_NUMBER = 0xffff_ffff;
const NON_ASCII = /[\u0080-\u00ff]/;

/**
 * Decodes the header block at `start`, whose checksum is known to be right, without judging its numbers' ranges.
 * `size` is the field as stored, whatever the type; all offsets are those of `headerOffset`. {@link readOwnerNames} adds
 * the names of the owners, which most readers do not need.
 *
 * @throws `tar-bad-field` for a field that is not a number.
 */
export function decodeHeader(bytes: Buffer, start: number, type: EntryType, headerOffset: number): EntryDraft {
  const name = readString(bytes, start, USTAR.name);
  const place: FieldPlace = { bytes, start, headerOffset, name };
  const isDevice = type === "char" || type === "block";
  const dialect = dialectOf(bytes, start);
  const extended = dialect !== "v7";
  const draft: EntryDraft = {
    name,
    type,
    mode: numberAt(place, USTAR.mode, "mode") & 0o7777,
    uid: numberAt(place, USTAR.uid, "uid"),
    gid: numberAt(place, USTAR.gid, "gid"),
    uname: "",
    gname: "",
    size: numberAt(place, USTAR.size, "size"),
    mtime: wholeSeconds(numberAt(place, USTAR.mtime, "mtime")),
    atime: undefined,
    ctime: undefined,
    linkName: readString(bytes, start, USTAR.linkName),
    devMajor: isDevice && extended ? numberAt(place, USTAR.devMajor, "device number") : 0,
    devMinor: isDevice && extended ? numberAt(place, USTAR.devMinor, "device number") : 0,
    xattrs: undefined,
    sparse: undefined,
    headerOffset,
    dataOffset: headerOffset,
    storedSize: 0,
  };
  if (dialect === "ustar") addPrefix(draft, readString(bytes, start, USTAR.prefix));
  else if (dialect === "star") {
    addPrefix(draft, readString(bytes, start, STAR.prefix));
    draft.atime = wholeSeconds(numberAt(place, STAR.atime, "atime"));
    draft.ctime = wholeSeconds(numberAt(place, STAR.ctime, "ctime"));
  } else if (dialect === "gnu") addGnuTimes(draft, bytes, start);
  return draft;
}

/** Adds the names of user and group to what {@link decodeHeader} found in the same block. */
export function readOwnerNames(draft: EntryDraft, bytes: Buffer, start: number): void {
  if (dialectOf(bytes, start) === "v7") return;
  draft.uname = readString(bytes, start, USTAR.uname);
  draft.gname = readString(bytes, start, USTAR.gname);
}

/**
 * Checks what the header and its extensions have said together, and clears what means nothing for the type.
 *
 * @throws `tar-bad-field` for ids and device numbers that are not 32-bit, and for sizes below 0.
 */
export function settleDraft(draft: EntryDraft, offset: number): void {
  assertRange(draft, offset, draft.uid, MAX_ID, "uid");
  assertRange(draft, offset, draft.gid, MAX_ID, "gid");
  assertRange(draft, offset, draft.devMajor, MAX_DEVICE_NUMBER, "device number");
  assertRange(draft, offset, draft.devMinor, MAX_DEVICE_NUMBER, "device number");
  if (draft.type !== "symlink" && draft.type !== "hardlink") draft.linkName = "";
  if (draft.type === "file") assertRange(draft, offset, draft.size, Number.MAX_SAFE_INTEGER, "size");
  else draft.size = 0;
}

interface FieldPlace {
  readonly bytes: Buffer;
  readonly start: number;
  readonly headerOffset: number;
  readonly name: string;
}

function numberAt({ bytes, start, headerOffset, name }: FieldPlace, field: Field, label: string): number {
  const value = readNumber(bytes, start, field);
  if (Number.isNaN(value)) throw badField(label, headerOffset, name);
  return value;
}

function assertRange(draft: EntryDraft, offset: number, value: number, max: number, label: string): void {
  // Written so that NaN fails.
  if (!(value >= 0 && value <= max)) throw badField(label, offset, draft.name);
}

/** The error for a field whose value is no number or out of range. */
export function badField(label: string, offset: number, entry: string): Error {
  return malformedTar("tar-bad-field", `has an invalid ${label}`, { offset, entry });
}

function addGnuTimes(draft: EntryDraft, bytes: Buffer, start: number): void {
  const atime = readNumber(bytes, start, GNU.atime);
  const ctime = readNumber(bytes, start, GNU.ctime);
  if (Number.isNaN(atime) || Number.isNaN(ctime)) {
    // Go before 1.8 and docker's builds of it wrote a ustar prefix under GNU's magic, where GNU keeps times.
    const prefix = readString(bytes, start, USTAR.prefix);
    if (!NON_ASCII.test(prefix)) addPrefix(draft, prefix);
    return;
  }
  if (bytes[start + GNU.atime.at] !== 0) draft.atime = wholeSeconds(atime);
  if (bytes[start + GNU.ctime.at] !== 0) draft.ctime = wholeSeconds(ctime);
}

function addPrefix(draft: EntryDraft, prefix: string): void {
  if (prefix !== "") draft.name = `${prefix}/${draft.name}`;
}

function wholeSeconds(seconds: number): FileTime {
  return { seconds, nanoseconds: 0 };
}
