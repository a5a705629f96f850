import { type ByteString, type FileTime, isUtf8, toBuffer, toText } from "../base/index.ts";
import type { FileType } from "../tree/index.ts";
import type { MergedNode } from "../union/index.ts";
import { ByteText, PLAIN } from "./byte-text.ts";
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

/** {@link JsonEntry} as one line without its newline. */
export function jsonEntryLine(path: ByteString, node: MergedNode): ByteString {
  return `{${jsonEntryFields(path, node)}}`;
}

/** The same without the braces, for lines that say more. */
export function jsonEntryFields(path: ByteString, node: MergedNode): ByteString {
  const [fields, pathText] = [new ByteText(512), new ByteText(path.length)];
  pathText.write(path);
  writeFields(fields, pathText, node);
  return fields.toString();
}

const OPEN = Buffer.from("{");
const PATH = Buffer.from('"path":"/');
const PATH_END = Buffer.from('"');
const INODE = Buffer.from(',"inode":');
const LAYER = Buffer.from(',"layer":');
const CLOSE = Buffer.from("}\n");

/** Adds {@link jsonEntryLine} with its newline. Made for millions of calls. */
export function writeJsonEntry(to: ByteText, path: ByteText, node: MergedNode): void {
  to.copy(OPEN);
  writeFields(to, path, node);
  to.copy(CLOSE);
}

function writeFields(to: ByteText, path: ByteText, node: MergedNode): void {
  if (path.isPlain) {
    to.copy(PATH);
    to.append(path);
    to.copy(PATH_END);
  } else to.write(jsonName("path", `/${path.toString()}`));
  to.copy(attributes(node));
  to.decimal(node.size);
  to.copy(timeField(node.mtime));
  to.decimal(node.nlink);
  to.copy(INODE);
  to.decimal(node.inode);
  to.copy(LAYER);
  to.decimal(node.layer);
  writeRareFields(to, node);
}

function writeRareFields(to: ByteText, node: MergedNode): void {
  const { type, xattrs } = node;
  if (type === "symlink") to.write(`,${jsonName("target", node.linkTarget)}`);
  if (type === "char" || type === "block") to.write(`,"device":${JSON.stringify(node.device)}`);
  if (xattrs.size > 0) to.write(`,"xattrs":${jsonXattrs(xattrs)}`);
  if (node.isImplied) to.write(',"implied":true');
}

const rootsAttributes: Readonly<Record<FileType, Buffer[]>> = {
  file: [],
  directory: [],
  symlink: [],
  char: [],
  block: [],
  fifo: [],
};

/** From the type to the size's key. Most files are root's, in few combinations of type and mode: those are made once. */
function attributes({ type, mode, uid, gid }: MergedNode): Buffer {
  const isRoots = uid === 0 && gid === 0;
  const known = isRoots ? rootsAttributes[type][mode] : undefined;
  if (known !== undefined) return known;
  const text = Buffer.from(`,"type":"${type}","mode":"${octalMode(mode)}","uid":${uid},"gid":${gid},"size":`);
  if (isRoots) rootsAttributes[type][mode] = text;
  return text;
}

/** Neighbours in a listing mostly came from one package and have one time. */
const lastTime = { seconds: Number.NaN, nanoseconds: 0, field: Buffer.alloc(0) };

/** The time, and the key of what follows. */
function timeField(mtime: FileTime): Buffer {
  const { seconds, nanoseconds } = mtime;
  if (lastTime.seconds !== seconds || lastTime.nanoseconds !== nanoseconds) {
    lastTime.seconds = seconds;
    lastTime.nanoseconds = nanoseconds;
    lastTime.field = Buffer.from(`,"mtime":"${isoTime(mtime)}","nlink":`);
  }
  return lastTime.field;
}

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
