import { type ByteString, type FileTime, toBuffer } from "../base/index.ts";
import type { PaxRecords } from "./pax-records.ts";

const SCHILY_XATTR = "SCHILY.xattr.";
const LIBARCHIVE_XATTR = "LIBARCHIVE.xattr.";
const INTEGER = /^[+-]?\d+$/;
const TIME = /^([+-]?)(\d+)(?:\.(\d*))?$/;

/** Parses a decimal integer; NaN when it is none or beyond what a double holds exactly. */
export function parseInteger(text: ByteString): number {
  const value = INTEGER.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/**
 * Parses a PAX time, decimal seconds with any number of fraction digits; those beyond nanoseconds are cut off.
 * Nanoseconds count upwards from the second below, also before the epoch. Undefined when it is none.
 */
export function parsePaxTime(text: ByteString): FileTime | undefined {
  const parts = TIME.exec(text);
  if (parts === null) return undefined;
  const seconds = Number(parts[2]);
  const nanoseconds = Number((parts[3] ?? "").slice(0, 9).padEnd(9, "0"));
  if (!Number.isSafeInteger(seconds + 1)) return undefined;
  if (parts[1] !== "-") return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: seconds === 0 ? 0 : -seconds, nanoseconds }
    : { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

/** Formats a time for a PAX record: no trailing zeros, no fraction when there are no nanoseconds. */
export function formatPaxTime({ seconds, nanoseconds }: FileTime): ByteString {
  if (nanoseconds === 0) return String(seconds);
  const negative = seconds < 0;
  const whole = negative ? -(seconds + 1) : seconds;
  const fraction = String(negative ? 1_000_000_000 - nanoseconds : nanoseconds).padStart(9, "0");
  return `${negative ? "-" : ""}${whole}.${fraction.replace(/0+$/, "")}`;
}

/**
 * The extended attributes among the records: `SCHILY.xattr.NAME` holds the bytes themselves,
 * `LIBARCHIVE.xattr.NAME` (name URL-encoded) holds base64. Where both name one attribute, SCHILY's wins.
 * Undefined when there are none.
 */
export function xattrsOf(records: PaxRecords): Map<ByteString, Uint8Array> | undefined {
  let xattrs: Map<ByteString, Uint8Array> | undefined;
  for (const [keyword, value] of records) {
    if (keyword.startsWith(SCHILY_XATTR)) {
      xattrs ??= new Map();
      xattrs.set(keyword.slice(SCHILY_XATTR.length), toBuffer(value));
    } else if (keyword.startsWith(LIBARCHIVE_XATTR)) {
      const name = decodeUrl(keyword.slice(LIBARCHIVE_XATTR.length));
      xattrs ??= new Map();
      if (!records.has(SCHILY_XATTR + name)) xattrs.set(name, Buffer.from(value, "base64"));
    }
  }
  return xattrs;
}

/**
 * The record that stores an attribute: SCHILY's, except for a name with `=`, which only libarchive's can express.
 * The name is not empty and holds no NUL.
 */
export function xattrRecord(name: ByteString, value: Uint8Array): readonly [keyword: ByteString, value: ByteString] {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return name.includes("=")
    ? [LIBARCHIVE_XATTR + encodeUrl(name), bytes.toString("base64")]
    : [SCHILY_XATTR + name, bytes.toString("latin1")];
}

function decodeUrl(name: ByteString): ByteString {
  return name.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function encodeUrl(name: ByteString): ByteString {
  return name.replace(/[^!-$&-<>-~]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}
