import { type ByteString, type FileTime, StrataError, toText } from "../base/index.ts";
import { encodeSparseMap, sparseRecords, sparseStandInName } from "./encode-sparse.ts";
import type { EntryType, TarEntry } from "./entry.ts";
import { isValidSparseMap } from "./gnu-sparse.ts";
import { BLOCK_SIZE, type Field, paddingOf, USTAR } from "./header-block.ts";
import { fits, putOctal, putText, sealHeader } from "./header-fields.ts";
import { formatPaxTime, xattrRecord } from "./pax-fields.ts";
import { encodePaxRecord } from "./pax-records.ts";

/**
 * What a header says: a {@link TarEntry} without its place in an archive. With `sparse`, only those runs are stored; without, the
 * file is written whole.
 */
export type TarHeaderFields = Pick<TarEntry, "name" | "type" | "mode" | "uid" | "gid" | "size" | "mtime"> &
  Partial<
    Pick<TarEntry, "uname" | "gname" | "linkName" | "devMajor" | "devMinor" | "xattrs" | "atime" | "ctime" | "sparse">
  >;

/**
 * The two blocks of zeros that end an archive. Shared: do not change it. A Buffer as headers and files are: a second type of pieces
 * makes V8 compile the writer twice.
 */
export const END_OF_ARCHIVE: Uint8Array = Buffer.alloc(2 * BLOCK_SIZE);

const TYPEFLAGS: Readonly<Record<EntryType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  char: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};
const ASCII = /^[\u0001-\u007f]*$/;
/** Readers want a NUL after these two, unlike after names. */
const UNAME: Field = { at: USTAR.uname.at, length: USTAR.uname.length - 1 };
const GNAME: Field = { at: USTAR.gname.at, length: USTAR.gname.length - 1 };

/** What goes into the PAX header. */
type PaxFields = (readonly [keyword: ByteString, value: ByteString])[];

/**
 * Encodes the header of one entry, the same bytes for the same fields: ustar, preceded by a PAX header with exactly
 * what ustar cannot hold (long or non-ASCII strings, ids and sizes too large, times with nanoseconds or before the epoch,
 * access and change times, extended attributes), sorted by keyword. Names are written byte for byte: the caller ends those
 * of directories in `/`. Of a sparse file (GNU's PAX format 1.0) the map of its runs is part of the result, which is whole blocks always.
 *
 * @throws `tar-unencodable` (invalid-argument) for values outside the ranges that {@link TarEntry} states and for NULs.
 */
export function encodeHeader(entry: TarHeaderFields): Uint8Array {
  return Buffer.from(encodeHeaderOnce(entry));
}

/** Of the entry at hand. Encoding never waits, so one block serves all entries: most need no other memory. */
const block = Buffer.alloc(BLOCK_SIZE);

/** {@link encodeHeader} for writing it out at once: the bytes are good until the next header is encoded. */
export function encodeHeaderOnce(entry: TarHeaderFields): Uint8Array {
  assertEncodable(entry);
  const { sparse, mtime } = entry;
  const pax: PaxFields = [];
  const map = sparse === undefined ? undefined : encodeSparseMap(sparse, entry.size);
  if (map !== undefined) pax.push(...sparseRecords(entry.name, entry.size));
  block.fill(0);
  putName(map === undefined ? entry.name : sparseStandInName(entry.name), pax);
  putString(USTAR.linkName, entry.linkName ?? "", "linkpath", pax);
  putString(UNAME, entry.uname ?? "", "uname", pax);
  putString(GNAME, entry.gname ?? "", "gname", pax);
  putOctal(block, USTAR.mode, entry.mode);
  putNumber(USTAR.uid, entry.uid, "uid", pax);
  putNumber(USTAR.gid, entry.gid, "gid", pax);
  putNumber(USTAR.size, storedSizeOf(entry) + (map?.length ?? 0), "size", pax);
  const isTimeInField = fits(USTAR.mtime, mtime.seconds);
  if (mtime.nanoseconds !== 0 || !isTimeInField) pax.push(["mtime", formatPaxTime(mtime)]);
  putOctal(block, USTAR.mtime, isTimeInField ? mtime.seconds : 0);
  putOctal(block, USTAR.devMajor, entry.devMajor ?? 0);
  putOctal(block, USTAR.devMinor, entry.devMinor ?? 0);
  putPaxOnly(entry, pax);
  sealHeader(block, TYPEFLAGS[entry.type]);
  if (pax.length === 0) return block;
  return Buffer.concat(map === undefined ? [encodePax(pax), block] : [encodePax(pax), block, map]);
}

/** What has no field in ustar at all. */
function putPaxOnly({ atime, ctime, xattrs }: TarHeaderFields, pax: PaxFields): void {
  if (atime !== undefined) pax.push(["atime", formatPaxTime(atime)]);
  if (ctime !== undefined) pax.push(["ctime", formatPaxTime(ctime)]);
  for (const [name, value] of xattrs ?? []) pax.push(xattrRecord(name, value));
}

/** Bytes of data that are to follow the header: all of a file, or the runs of a sparse one. */
export function storedSizeOf({ size, sparse }: TarHeaderFields): number {
  return sparse === undefined ? size : sparse.reduce((total, { length }) => total + length, 0);
}

/** A PAX header entry with its data, padded. Its own metadata never varies. */
function encodePax(fields: PaxFields): Buffer {
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  let data = "";
  for (const [keyword, value] of fields) data += encodePaxRecord(keyword, value);
  const bytes = Buffer.alloc(BLOCK_SIZE + data.length + paddingOf(data.length));
  PAX_HEADER.copy(bytes);
  putOctal(bytes, USTAR.size, data.length);
  sealHeader(bytes, "x");
  bytes.write(data, BLOCK_SIZE, "latin1");
  return bytes;
}

/** All of it but the size. */
const PAX_HEADER = paxHeader();

function paxHeader(): Buffer {
  const header = Buffer.alloc(BLOCK_SIZE);
  putText(header, USTAR.name, "././@PaxHeader");
  putOctal(header, USTAR.mode, 0o644);
  for (const field of ["uid", "gid", "mtime", "devMajor", "devMinor"] as const) putOctal(header, USTAR[field], 0);
  return header;
}

function putName(name: ByteString, pax: PaxFields): void {
  const slash = name.length <= USTAR.name.length || !ASCII.test(name) ? -1 : splitAt(name);
  if (slash < 0) return putString(USTAR.name, name, "path", pax);
  putText(block, USTAR.prefix, name.slice(0, slash));
  putText(block, USTAR.name, name.slice(slash + 1));
}

/** The slash at which a long name falls into parts that fit into ustar's fields, as late as the prefix allows; -1 for none. */
function splitAt(name: ByteString): number {
  const slash = name.lastIndexOf("/", Math.min(USTAR.prefix.length, name.length - 2));
  return slash <= 0 || name.length - slash - 1 > USTAR.name.length ? -1 : slash;
}

function putString(field: Field, text: ByteString, keyword: string, pax: PaxFields): void {
  // Cut off, for readers without PAX.
  const isWhole = text === "" || putText(block, field, text);
  if (!isWhole) pax.push([keyword, text]);
}

function putNumber(field: Field, value: number, keyword: string, pax: PaxFields): void {
  const isInField = fits(field, value);
  if (!isInField) pax.push([keyword, String(value)]);
  putOctal(block, field, isInField ? value : 0);
}

function assertEncodable(entry: TarHeaderFields): void {
  const fault = numberFault(entry) ?? timeFault(entry) ?? textFault(entry);
  if (fault === undefined) return;
  const name = toText(entry.name);
  throw new StrataError({
    code: "tar-unencodable",
    kind: "invalid-argument",
    message: `Cannot write tar entry ${JSON.stringify(name)}: ${fault}`,
    details: { entry: name },
  });
}

function numberFault(entry: TarHeaderFields): string | undefined {
  const { size, sparse } = entry;
  const { devMajor = 0, devMinor = 0 } = entry;
  if (!isWithin(entry.mode, 0o7777)) return `mode ${entry.mode} is out of range`;
  if (!isWithin(entry.uid, 0xffff_ffff)) return `uid ${entry.uid} is out of range`;
  if (!isWithin(entry.gid, 0xffff_ffff)) return `gid ${entry.gid} is out of range`;
  if (!isWithin(size, entry.type === "file" ? Number.MAX_SAFE_INTEGER : 0)) return `size ${size} is out of range`;
  if (!isWithin(devMajor, 0o7777777)) return `device number ${devMajor} is out of range`;
  if (!isWithin(devMinor, 0o7777777)) return `device number ${devMinor} is out of range`;
  if (sparse === undefined || (entry.type === "file" && isValidSparseMap(sparse, size))) return undefined;
  return "its runs of data are not ascending, or not within the file";
}

function timeFault({ mtime, atime, ctime }: TarHeaderFields): string | undefined {
  return faultOfTime(mtime) ?? (atime && faultOfTime(atime)) ?? (ctime && faultOfTime(ctime));
}

function faultOfTime({ seconds, nanoseconds }: FileTime): string | undefined {
  if (!Number.isSafeInteger(seconds)) return `time ${seconds} is out of range`;
  return isWithin(nanoseconds, 999_999_999) ? undefined : `nanoseconds ${nanoseconds} is out of range`;
}

function textFault({ name, linkName, uname, gname, xattrs }: TarHeaderFields): string | undefined {
  if (hasNul(name) || hasNul(linkName) || hasNul(uname) || hasNul(gname)) return "a name holds a NUL";
  if (xattrs === undefined || xattrs.size === 0) return undefined;
  if (xattrs.has("")) return "an extended attribute has no name";
  return [...xattrs.keys()].some(hasNul) ? "a name holds a NUL" : undefined;
}

function hasNul(text: ByteString | undefined): boolean {
  return text !== undefined && text.length > 0 && text.includes("\0");
}

function isWithin(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max;
}
