import type { ByteString } from "../base/index.ts";

/** The records of one PAX extended header: keyword to value, both as stored. */
export type PaxRecords = ReadonlyMap<ByteString, ByteString>;

const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;

/** Keywords whose value is a C string for everyone who uses it: a NUL inside is refused. */
const TEXT_KEYWORDS: ReadonlySet<string> = new Set(["path", "linkpath", "uname", "gname"]);

/**
 * Decodes `LENGTH KEYWORD=VALUE\n` records (POSIX.1-2001 pax). Of equal keywords the last wins, but the repeated
 * `GNU.sparse.offset` and `GNU.sparse.numbytes` of GNU sparse 0.0 are gathered into one `GNU.sparse.map`, as in 0.1.
 *
 * @returns the records, or the offset in `bytes` of the first record that is broken.
 */
export function decodePaxRecords(bytes: Buffer): PaxRecords | number {
  const records = new Map<ByteString, ByteString>();
  const sparseMap: ByteString[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = recordEnd(bytes, at);
    const keyStart = bytes.indexOf(SPACE, at) + 1;
    const equals = bytes.indexOf(EQUALS, keyStart);
    if (end === undefined || equals === -1 || equals === keyStart || equals >= end) return at;
    const keyword = bytes.toString("latin1", keyStart, equals);
    const value = bytes.toString("latin1", equals + 1, end - 1);
    if ((TEXT_KEYWORDS.has(keyword) ? value : keyword).includes("\0")) return at;
    const half = sparseHalf(keyword);
    if (half === undefined) records.set(keyword, value);
    else if (sparseMap.length % 2 !== half || value.includes(",")) return at;
    else sparseMap.push(value);
    at = end;
  }
  if (sparseMap.length > 0) records.set("GNU.sparse.map", sparseMap.join(","));
  return records;
}

/** Encodes one record; its length counts itself. */
export function encodePaxRecord(keyword: ByteString, value: ByteString): ByteString {
  const rest = keyword.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  return `${length} ${keyword}=${value}\n`;
}

/** The offset after the record that starts at `at`, or undefined when its length is broken. */
function recordEnd(bytes: Buffer, at: number): number | undefined {
  let length = 0;
  let i = at;
  for (; i < bytes.length && bytes[i] !== SPACE; i++) {
    const digit = (bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 9 || i - at > 15) return undefined;
    length = length * 10 + digit;
  }
  const end = at + length;
  return end > i + 2 && end <= bytes.length && bytes[end - 1] === NEWLINE ? end : undefined;
}

function sparseHalf(keyword: ByteString): 0 | 1 | undefined {
  if (keyword === "GNU.sparse.offset") return 0;
  return keyword === "GNU.sparse.numbytes" ? 1 : undefined;
}
