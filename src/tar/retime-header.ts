import { type ByteString, type FileTime, isSameTime } from "../base/index.ts";
import { encodeHeader } from "./encode-header.ts";
import {
  BLOCK_SIZE,
  checkBlock,
  dialectOf,
  type Field,
  GNU,
  paddingOf,
  readNumber,
  readString,
  STAR,
  USTAR,
} from "./header-block.ts";
import { formatPaxTime, parsePaxTime } from "./pax-fields.ts";
import { encodePaxRecord } from "./pax-records.ts";
import { isExtension, TYPEFLAG } from "./typeflag.ts";

/** What becomes of a time. */
export type Retime = (time: FileTime) => FileTime;

/** GNU tar names extension headers, and sparse files whose name stands in a record, by its process. */
const PROCESS_ID = /(PaxHeaders|GNUSparseFile)\.\d+/;

/**
 * The header of an entry, from its first extension header to its data, with other times: of modification, and those of
 * access and change that it has. All else stays, byte for byte: what headers of other dialects, maps of sparse files and
 * extensions that nobody here knows say. A time that changes is written as `encodeHeader` writes it, so that archives which
 * differ in times alone become the same; for the same reason names that nobody reads lose the number of the process that wrote them.
 *
 * @param header the blocks from `headerOffset` to `dataOffset` of an entry that was read; not changed
 */
export function retimeHeader(header: Uint8Array, retime: Retime): Buffer {
  const { extensions, main: written, rest } = splitHeader(viewed(header));
  const main = Buffer.from(written);
  const lastPax = extensions.findLast(isPax);
  const before = timeOf(main, lastPax);
  const after = retime(before);
  const isMoved = !isSameTime(before, after);
  const needsRecord = isMoved && !(after.nanoseconds === 0 && fits(after.seconds));
  const plan = { retime, isMoved, record: needsRecord ? encodePaxRecord("mtime", formatPaxTime(after)) : "" };
  const retimed = extensions.map((extension) =>
    retimeExtension(extension, extension === lastPax ? plan : { ...plan, record: "" }),
  );
  if (needsRecord && lastPax === undefined) retimed.push(paxHeaderOf(after));
  if (lastPax !== undefined && hasSparseName(lastPax)) forgetProcess(main);
  if (isMoved) putNumber(main, USTAR.mtime, fits(after.seconds) ? after.seconds : 0);
  for (const field of extraTimes(main)) retimeField(main, field, retime);
  return Buffer.concat([...retimed, sealed(main), rest]);
}

function viewed(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

interface HeaderParts {
  /** Each with its data, padded. */
  readonly extensions: readonly Buffer[];
  readonly main: Buffer;
  /** What the dialect has between header and data: runs of sparse files. */
  readonly rest: Buffer;
}

/** Views of the header. */
function splitHeader(header: Buffer): HeaderParts {
  const extensions: Buffer[] = [];
  let at = 0;
  while (isExtension(header[at + USTAR.typeflag.at] as number)) {
    const size = readNumber(header, at, USTAR.size);
    const end = at + BLOCK_SIZE + size + paddingOf(size);
    extensions.push(header.subarray(at, end));
    at = end;
  }
  return { extensions, main: header.subarray(at, at + BLOCK_SIZE), rest: header.subarray(at + BLOCK_SIZE) };
}

function isPax(extension: Buffer): boolean {
  const typeflag = extension[USTAR.typeflag.at];
  return typeflag === TYPEFLAG.localPax || typeflag === TYPEFLAG.solarisPax;
}

interface RawRecord {
  readonly keyword: ByteString;
  readonly value: ByteString;
  /** The whole record. */
  readonly text: ByteString;
}

/** The records of a header whose reader found no fault in them. */
function recordsOf(extension: Buffer): RawRecord[] {
  const size = readNumber(extension, 0, USTAR.size);
  let left = extension.toString("latin1", BLOCK_SIZE, BLOCK_SIZE + size);
  const records: RawRecord[] = [];
  while (left !== "") {
    const text = left.slice(0, Number.parseInt(left, 10));
    if (text === "") return records;
    const [start, equals] = [text.indexOf(" ") + 1, text.indexOf("=")];
    records.push({ keyword: text.slice(start, equals), value: text.slice(equals + 1, -1), text });
    left = left.slice(text.length);
  }
  return records;
}

/** As a reader takes it: the last PAX header counts, and in it the last record. */
function timeOf(main: Buffer, pax: Buffer | undefined): FileTime {
  const records = pax === undefined ? [] : recordsOf(pax);
  const value = records.findLast(({ keyword }) => keyword === "mtime")?.value ?? "";
  return parsePaxTime(value) ?? { seconds: readNumber(main, 0, USTAR.mtime), nanoseconds: 0 };
}

interface ExtensionPlan {
  readonly retime: Retime;
  /** Records of the time of modification go. */
  readonly isMoved: boolean;
  /** What comes in their place. */
  readonly record: ByteString;
}

function retimeExtension(extension: Buffer, plan: ExtensionPlan): Buffer {
  const block = Buffer.from(extension.subarray(0, BLOCK_SIZE));
  retimeField(block, USTAR.mtime, plan.retime);
  forgetProcess(block);
  if (!isPax(extension)) return Buffer.concat([sealed(block), extension.subarray(BLOCK_SIZE)]);
  const before = recordsOf(extension);
  const text = before.map((record) => retimeRecord(record, plan)).join("") + plan.record;
  // A header without records says nothing.
  if (text === "" && before.length > 0) return Buffer.alloc(0);
  putNumber(block, USTAR.size, text.length);
  return Buffer.concat([sealed(block), Buffer.from(text, "latin1"), Buffer.alloc(paddingOf(text.length))]);
}

function forgetProcess(block: Buffer): void {
  for (const field of [USTAR.name, USTAR.prefix]) {
    const name = readString(block, 0, field).replace(PROCESS_ID, "$1.0");
    block.fill(0, field.at, field.at + field.length).write(name, field.at, "latin1");
  }
}

/** Whether the name of the entry's own header, and that of a `path` record, means nothing. */
function hasSparseName(pax: Buffer): boolean {
  return recordsOf(pax).some(({ keyword }) => keyword === "GNU.sparse.name");
}

function retimeRecord({ keyword, value, text }: RawRecord, { retime, isMoved }: ExtensionPlan): ByteString {
  if (keyword === "mtime") return isMoved ? "" : text;
  const time = keyword === "atime" || keyword === "ctime" ? parsePaxTime(value) : undefined;
  if (time === undefined) return text;
  const after = retime(time);
  return isSameTime(time, after) ? text : encodePaxRecord(keyword, formatPaxTime(after));
}

/** An extension header that tells a time of modification and nothing else. */
function paxHeaderOf(mtime: FileTime): Buffer {
  const whole = encodeHeader({ name: "-", type: "file", mode: 0, uid: 0, gid: 0, size: 0, mtime });
  return Buffer.from(whole.subarray(0, whole.length - BLOCK_SIZE));
}

/** Where a dialect keeps times of access and change. */
function extraTimes(main: Buffer): readonly Field[] {
  const dialect = dialectOf(main, 0);
  if (dialect === "star") return [STAR.atime, STAR.ctime];
  const fields = dialect === "gnu" ? [GNU.atime, GNU.ctime] : [];
  // Some writers put a prefix of ustar there.
  return fields.some((field) => Number.isNaN(readNumber(main, 0, field))) ? [] : fields;
}

function retimeField(block: Buffer, field: Field, retime: Retime): void {
  if (block[field.at] === 0) return;
  const seconds = readNumber(block, 0, field);
  const after = retime({ seconds, nanoseconds: 0 });
  if (after.seconds !== seconds) putNumber(block, field, fits(after.seconds) ? after.seconds : 0);
}

/** Eleven octal digits and a NUL. */
function putNumber(block: Buffer, field: Field, value: number): void {
  block.write(`${value.toString(8).padStart(field.length - 1, "0")}\0`, field.at, "latin1");
}

function fits(seconds: number): boolean {
  return seconds >= 0 && seconds < 8 ** (USTAR.mtime.length - 1);
}

/** The block with a checksum that is right. */
function sealed(block: Buffer): Buffer {
  if (checkBlock(block, 0) === "valid") return block;
  const { at, length } = USTAR.checksum;
  block.fill(0x20, at, at + length);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, at, "latin1");
  return block;
}
