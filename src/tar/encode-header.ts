import { type ByteString, type FileTime, StrataError, toText } from "../base/index.ts";
import { encodeSparseMap, sparseRecords, sparseStandInName } from "./encode-sparse.ts";
import type { EntryType, TarEntry } from "./entry.ts";
import { isValidSparseMap } from "./gnu-sparse.ts";
import { BLOCK_SIZE, type Field, paddingOf, USTAR } from "./header-block.ts";
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

/** The two blocks of zeros that end an archive. Shared: do not change it. */
export const END_OF_ARCHIVE: Uint8Array = new Uint8Array(2 * BLOCK_SIZE);

const TYPEFLAGS: Readonly<Record<EntryType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  char: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};
const NO_XATTRS: NonNullable<TarHeaderFields["xattrs"]> = new Map();
const ASCII = /^[\u0001-\u007f]*$/;

/**
 * Encodes the header of one entry, the same bytes for the same fields: ustar, preceded by a PAX header with exactly
 * what ustar cannot hold (long or non-ASCII strings, ids and sizes too large, times with nanoseconds or before the epoch,
 * access and change times, extended attributes), sorted by keyword. Names are written byte for byte: the caller ends those
 * of directories in `/`. Of a sparse file (GNU's PAX format 1.0) the map of its runs is part of the result, which is whole blocks always.
 *
 * @throws `tar-unencodable` (invalid-argument) for values outside the ranges that {@link TarEntry} states and for NULs.
 */
export function encodeHeader(entry: TarHeaderFields): Uint8Array {
  assertEncodable(entry);
  const block = Buffer.alloc(BLOCK_SIZE);
  const pax = new Map<ByteString, ByteString>();
  const { sparse } = entry;
  const map = sparse === undefined ? undefined : encodeSparseMap(sparse, entry.size);
  if (map !== undefined) for (const [keyword, value] of sparseRecords(entry.name, entry.size)) pax.set(keyword, value);
  putName(block, map === undefined ? entry.name : sparseStandInName(entry.name), pax);
  putText(block, USTAR.linkName, entry.linkName ?? "", "linkpath", pax);
  // Readers want a NUL after these two, unlike after names.
  putText(block, shorter(USTAR.uname), entry.uname ?? "", "uname", pax);
  putText(block, shorter(USTAR.gname), entry.gname ?? "", "gname", pax);
  putOctal(block, USTAR.mode, entry.mode);
  putNumber(block, USTAR.uid, entry.uid, "uid", pax);
  putNumber(block, USTAR.gid, entry.gid, "gid", pax);
  putNumber(block, USTAR.size, storedSizeOf(entry) + (map?.length ?? 0), "size", pax);
  const wholeTime = entry.mtime.nanoseconds === 0 && fits(USTAR.mtime, entry.mtime.seconds);
  if (!wholeTime) pax.set("mtime", formatPaxTime(entry.mtime));
  putOctal(block, USTAR.mtime, fits(USTAR.mtime, entry.mtime.seconds) ? entry.mtime.seconds : 0);
  putOctal(block, USTAR.devMajor, entry.devMajor ?? 0);
  putOctal(block, USTAR.devMinor, entry.devMinor ?? 0);
  putPaxOnly(entry, pax);
  seal(block, TYPEFLAGS[entry.type]);
  if (pax.size === 0) return block;
  return Buffer.concat(map === undefined ? [encodePax(pax), block] : [encodePax(pax), block, map]);
}

/** What has no field in ustar at all. */
function putPaxOnly({ atime, ctime, xattrs = NO_XATTRS }: TarHeaderFields, pax: Map<ByteString, ByteString>): void {
  if (atime !== undefined) pax.set("atime", formatPaxTime(atime));
  if (ctime !== undefined) pax.set("ctime", formatPaxTime(ctime));
  for (const [name, value] of xattrs) pax.set(...xattrRecord(name, value));
}

/** Bytes of data that are to follow the header: all of a file, or the runs of a sparse one. */
export function storedSizeOf({ size, sparse }: TarHeaderFields): number {
  return sparse === undefined ? size : sparse.reduce((total, { length }) => total + length, 0);
}

/** A PAX header entry with its data, padded. Its own metadata never varies. */
function encodePax(records: ReadonlyMap<ByteString, ByteString>): Buffer {
  const sorted = [...records].sort(([a], [b]) => (a < b ? -1 : 1));
  const data = sorted.map(([keyword, value]) => encodePaxRecord(keyword, value)).join("");
  const bytes = Buffer.alloc(BLOCK_SIZE + data.length + paddingOf(data.length));
  const block = bytes.subarray(0, BLOCK_SIZE);
  block.write("././@PaxHeader", 0, "latin1");
  putOctal(block, USTAR.mode, 0o644);
  putOctal(block, USTAR.uid, 0);
  putOctal(block, USTAR.gid, 0);
  putOctal(block, USTAR.size, data.length);
  putOctal(block, USTAR.mtime, 0);
  putOctal(block, USTAR.devMajor, 0);
  putOctal(block, USTAR.devMinor, 0);
  seal(block, "x");
  bytes.write(data, BLOCK_SIZE, "latin1");
  return bytes;
}

function putName(block: Buffer, name: ByteString, pax: Map<ByteString, ByteString>): void {
  const split = ASCII.test(name) ? splitName(name) : undefined;
  if (split === undefined) return putText(block, USTAR.name, name, "path", pax);
  block.write(split.name, USTAR.name.at, "latin1");
  block.write(split.prefix, USTAR.prefix.at, "latin1");
}

/** Cuts a name at a slash such that both parts fit into ustar's fields, as late as the prefix allows. */
function splitName(name: ByteString): { prefix: ByteString; name: ByteString } | undefined {
  if (name.length <= USTAR.name.length) return { prefix: "", name };
  const slash = name.lastIndexOf("/", Math.min(USTAR.prefix.length, name.length - 2));
  if (slash <= 0 || name.length - slash - 1 > USTAR.name.length) return undefined;
  return { prefix: name.slice(0, slash), name: name.slice(slash + 1) };
}

function putText(
  block: Buffer,
  field: Field,
  text: ByteString,
  keyword: string,
  pax: Map<ByteString, ByteString>,
): void {
  if (text.length > field.length || !ASCII.test(text)) pax.set(keyword, text);
  // Cut off, for readers without PAX.
  block.write(text.slice(0, field.length), field.at, "latin1");
}

function putNumber(
  block: Buffer,
  field: Field,
  value: number,
  keyword: string,
  pax: Map<ByteString, ByteString>,
): void {
  if (!fits(field, value)) pax.set(keyword, String(value));
  putOctal(block, field, fits(field, value) ? value : 0);
}

function putOctal(block: Buffer, field: Field, value: number): void {
  block.write(value.toString(8).padStart(field.length - 1, "0"), field.at, "latin1");
}

function fits(field: Field, value: number): boolean {
  return value >= 0 && value < 8 ** (field.length - 1);
}

function shorter({ at, length }: Field): Field {
  return { at, length: length - 1 };
}

function seal(block: Buffer, typeflag: string): void {
  block.write(typeflag, USTAR.typeflag.at, "latin1");
  block.write("ustar\u000000", USTAR.magic.at, "latin1");
  block.fill(0x20, USTAR.checksum.at, USTAR.checksum.at + USTAR.checksum.length);
  let sum = 0;
  // What no prefix stands in is zeros to the end.
  const end = block[USTAR.prefix.at] === 0 ? USTAR.prefix.at : BLOCK_SIZE;
  for (let i = 0; i < end; i++) sum += block[i] as number;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, USTAR.checksum.at, "latin1");
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

function numberFault({
  type,
  size,
  mode,
  uid,
  gid,
  devMajor = 0,
  devMinor = 0,
  sparse,
}: TarHeaderFields): string | undefined {
  if (!isWithin(mode, 0o7777)) return `mode ${mode} is out of range`;
  if (!isWithin(uid, 0xffff_ffff)) return `uid ${uid} is out of range`;
  if (!isWithin(gid, 0xffff_ffff)) return `gid ${gid} is out of range`;
  if (!isWithin(size, type === "file" ? Number.MAX_SAFE_INTEGER : 0)) return `size ${size} is out of range`;
  if (!isWithin(devMajor, 0o7777777)) return `device number ${devMajor} is out of range`;
  if (!isWithin(devMinor, 0o7777777)) return `device number ${devMinor} is out of range`;
  if (sparse === undefined || (type === "file" && isValidSparseMap(sparse, size))) return undefined;
  return "its runs of data are not ascending, or not within the file";
}

function timeFault({ mtime, atime = mtime, ctime = mtime }: TarHeaderFields): string | undefined {
  return faultOfTime(mtime) ?? faultOfTime(atime) ?? faultOfTime(ctime);
}

function faultOfTime({ seconds, nanoseconds }: FileTime): string | undefined {
  if (!Number.isSafeInteger(seconds)) return `time ${seconds} is out of range`;
  return isWithin(nanoseconds, 999_999_999) ? undefined : `nanoseconds ${nanoseconds} is out of range`;
}

function textFault({ name, linkName = "", uname = "", gname = "", xattrs }: TarHeaderFields): string | undefined {
  const hasNul = (text: ByteString): boolean => text.includes("\0");
  if (hasNul(name) || hasNul(linkName) || hasNul(uname) || hasNul(gname)) return "a name holds a NUL";
  if (xattrs === undefined || xattrs.size === 0) return undefined;
  if (xattrs.has("")) return "an extended attribute has no name";
  return [...xattrs.keys()].some(hasNul) ? "a name holds a NUL" : undefined;
}

function isWithin(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max;
}
