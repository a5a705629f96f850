import type { ByteString, FileTime } from "../base/index.ts";
import { encodePax, sealBlock } from "./encode-header.ts";
import { BLOCK_SIZE, dialectOf, type Field, GNU, paddingOf, readNumber, readString, STAR, USTAR } from "./header-block.ts";
import { formatPaxTime, parsePaxTime } from "./pax-fields.ts";
import { encodePaxRecord, rawPaxRecords } from "./pax-records.ts";
import { isExtension, TYPEFLAG } from "./typeflag.ts";

/** What becomes of a time. */
export type Retime = (time: FileTime) => FileTime;

/** Field widths hold one byte for the NUL. */
const OCTAL = 8;
/** GNU tar names the header by its process. */
const PROCESS_ID = /(PaxHeaders)\.\d+/;

/**
 * The header of an entry, from its first extension header to its data, with other times: of modification, and those of
 * access and change that it has. Nothing else changes: what a header of another dialect, a map of a sparse file or an
 * extension nobody here knows says stays, byte for byte. A time that changes is written as `encodeHeader` would write it, so that
 * archives that differ in times alone become the same.
 *
 * @param header blocks as {@link TarEntry} tells them: from `headerOffset` to `dataOffset`; not changed
 * @returns the same buffer where no time changes
 */
export function retimeHeader(header: Buffer, retime: Retime): Buffer {
  const parts = splitHeader(header);
  const main = Buffer.from(parts.main);
  const before = timeOf(parts, main);
  const after = retime(before);
  const isMoved = !isSameTime(before, after);
  if (isMoved) putTime(main, USTAR.mtime, fits(after.seconds) ? after.seconds : 0);
  for (const field of extraTimes(main)) retimeField(main, field, retime);
  const needed = isMoved && !(after.nanoseconds === 0 && fits(after.seconds)) ? after : undefined;
  const extensions = parts.extensions.map((extension) => retimeExtension(extension, { retime, isMoved }));
  const added = needed === undefined ? [] : [encodePax(new Map([["mtime", formatPaxTime(needed)]]))];
  sealBlock(main);
  const result = Buffer.concat([...mergePax(extensions.flat(), added), main, parts.rest]);
  return result.equals(header) ? header : result;
}

interface HeaderParts {
  /** Each with its data, padded. */
  readonly extensions: readonly Buffer[];
  readonly main: Buffer;
  /** What the dialect has between header and data: runs of sparse files. */
  readonly rest: Buffer;
}

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

/** As a reader takes it: the last PAX header wins. */
function timeOf({ extensions }: HeaderParts, main: Buffer): FileTime {
  const pax = extensions.findLast(isPax);
  const records = pax === undefined ? [] : recordsOf(pax);
  const record = records.findLast(({ keyword, value }) => keyword === "mtime" && value !== "");
  const time = record === undefined ? undefined : parsePaxTime(record.value);
  return time ?? { seconds: readNumber(main, 0, USTAR.mtime), nanoseconds: 0 };
}
