import { type ByteString, isUtf8, toBuffer, toText } from "../base/index.ts";
import type { FileType } from "../tree/index.ts";
import type { MergedNode } from "../union/index.ts";
import { octalMode } from "./format-mode.ts";
import { isoTime } from "./format-time.ts";

/**
 * A file as `ls`, `find`, `tree` and `stat` give it with `--json`. Fields are only ever added, never renamed; the order
 * is fixed. docs/cli.md explains each.
 */
export interface JsonEntry {
  /** Absolute; bytes that are not UTF-8 become U+FFFD, and `pathBytes` has the truth. */
  readonly path: string;
  /** Base64 of the exact bytes; only when they are not UTF-8. */
  readonly pathBytes?: string;
  readonly type: FileType;
  /** Four octal digits. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** ISO 8601 in UTC with nanoseconds. */
  readonly mtime: string;
  readonly nlink: number;
  /** Equal for two names of one file, within one run. */
  readonly inode: number;
  /** The layer whose entry this is, from 0. */
  readonly layer: number;
  /** Of a symlink. */
  readonly target?: string;
  readonly targetBytes?: string;
  /** Of a device. */
  readonly device?: { readonly major: number; readonly minor: number };
  /** Values in base64; only when there are any. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** True for a directory that no entry of any layer describes. */
  readonly implied?: true;
}

/** {@link JsonEntry} as one line without its newline, in bytes ready to be written. Made for millions of calls. */
export function jsonEntryLine(path: ByteString, node: MergedNode): ByteString {
  return `{${jsonEntryFields(path, node)}}`;
}

/** The same without the braces, for lines that say more. */
export function jsonEntryFields(path: ByteString, node: MergedNode): ByteString {
  const { type, size, nlink, inode, layer } = node;
  const name = PLAIN.test(path) ? `"path":"/${path}"` : jsonName("path", `/${path}`);
  const time = isoTime(node.mtime);
  let line = `${name}${attributes(node)}${size},"mtime":"${time}","nlink":${nlink},"inode":${inode},"layer":${layer}`;
  if (type === "symlink") line += `,${jsonName("target", node.linkTarget)}`;
  if (type === "char" || type === "block") {
    const { major, minor } = node.device;
    line += `,"device":{"major":${major},"minor":${minor}}`;
  }
  if (node.xattrs.size > 0) line += `,"xattrs":${jsonXattrs(node.xattrs)}`;
  return node.isImplied ? `${line},"implied":true` : line;
}

const TYPE_NUMBERS: Readonly<Record<FileType, number>> = {
  file: 0,
  directory: 1,
  symlink: 2,
  char: 3,
  block: 4,
  fifo: 5,
};
const rootsAttributes: string[] = [];

/** From the type to the size's key. Most files are root's, in few combinations of type and mode: those are made once. */
function attributes({ type, mode, uid, gid }: MergedNode): string {
  const isRoots = uid === 0 && gid === 0;
  const key = (TYPE_NUMBERS[type] << 12) | mode;
  const known = isRoots ? rootsAttributes[key] : undefined;
  if (known !== undefined) return known;
  const text = `,"type":"${type}","mode":"${octalMode(mode)}","uid":${uid},"gid":${gid},"size":`;
  if (isRoots) rootsAttributes[key] = text;
  return text;
}

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** `"key":"…"`, and `"keyBytes"` when the name is not UTF-8. */
export function jsonName(key: string, name: ByteString): ByteString {
  if (PLAIN.test(name)) return `"${key}":"${name}"`;
  // JSON escapes only ASCII, so what is UTF-8 before is UTF-8 after.
  if (isUtf8(name)) return `"${key}":${JSON.stringify(name)}`;
  const shown = Buffer.from(JSON.stringify(toText(name)), "utf8").toString("latin1");
  return `"${key}":${shown},"${key}Bytes":"${toBuffer(name).toString("base64")}"`;
}

function jsonXattrs(xattrs: MergedNode["xattrs"]): ByteString {
  const fields: string[] = [];
  for (const [name, value] of xattrs) {
    const shown = Buffer.from(JSON.stringify(toText(name)), "utf8").toString("latin1");
    fields.push(`${shown}:"${Buffer.from(value).toString("base64")}"`);
  }
  return `{${fields.sort().join(",")}}`;
}
