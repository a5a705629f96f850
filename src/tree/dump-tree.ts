import { type ByteString, toBuffer, toText } from "../base/index.ts";
import type { FileNode, PlacedNode } from "./file-node.ts";

/** What one line of a dump says beyond the node itself. */
export interface DumpOptions {
  /** Text for the content of a file, such as its digest; nothing when it returns undefined. */
  readonly contentOf?: (placed: PlacedNode) => string | undefined;
  /** Leaves modification times out, for oracles that cannot keep them. */
  readonly withoutTimes?: boolean;
}

/**
 * A tree as text, one line per name in the order given, made for diffs and golden files:
 * `type mode uid:gid size time path [-> target] [= first name of the same file] [dev a:b] [xattr …] [content]`.
 * Two trees are equal exactly when their dumps are.
 */
export function dumpTree(nodes: Iterable<PlacedNode>, options: DumpOptions = {}): string {
  const firstNames = new Map<number, ByteString>();
  let text = "";
  for (const placed of nodes) text += `${dumpLine(placed, firstNames, options)}\n`;
  return text;
}

function dumpLine(placed: PlacedNode, firstNames: Map<number, ByteString>, options: DumpOptions): string {
  const { node, path } = placed;
  const fields = [
    node.type.padEnd(9),
    node.mode.toString(8).padStart(4, "0"),
    `${node.uid}:${node.gid}`,
    node.type === "file" ? String(node.size) : "-",
  ];
  if (options.withoutTimes !== true) fields.push(formatTime(node));
  fields.push(escapeName(`/${path}`), ...extras(placed, firstNames));
  const content = node.type === "file" ? options.contentOf?.(placed) : undefined;
  if (content !== undefined) fields.push(content);
  return fields.join(" ");
}

function extras({ node, path }: PlacedNode, firstNames: Map<number, ByteString>): string[] {
  const fields: string[] = [];
  if (node.type === "symlink") fields.push(`-> ${escapeName(node.linkTarget)}`);
  if (node.type === "char" || node.type === "block") fields.push(`dev ${node.device.major}:${node.device.minor}`);
  if (node.type !== "directory" && node.nlink > 1) {
    const first = firstNames.get(node.inode);
    if (first === undefined) firstNames.set(node.inode, path);
    else fields.push(`= ${escapeName(`/${first}`)}`);
  }
  for (const [name, value] of [...node.xattrs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    fields.push(`${escapeName(name)}=0x${Buffer.from(value).toString("hex")}`);
  }
  return fields;
}

function formatTime({ mtime }: FileNode): string {
  return `${mtime.seconds}.${String(mtime.nanoseconds).padStart(9, "0")}`;
}

/** Escapes what would break the line or the terminal, byte by byte, as `ls -b` does. */
export function escapeName(name: ByteString): string {
  if (/^[\x21-\x5b\x5d-\x7e]*$/.test(name)) return name;
  const text = toText(name);
  const lossless = toBuffer(name).equals(Buffer.from(text, "utf8"));
  const source = lossless ? text : name;
  return source.replace(lossless ? UNSAFE_TEXT : UNSAFE_BYTES, (c) => ESCAPES[c] ?? octal(c));
}

const UNSAFE_TEXT = /[\u0000-\u0020\\\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const UNSAFE_BYTES = /[^\x21-\x5b\x5d-\x7e]/g;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", " ": "\\ ", "\n": "\\n", "\t": "\\t", "\r": "\\r" };

function octal(char: string): string {
  const bytes = char.charCodeAt(0) > 0xff ? Buffer.from(char, "utf8") : [char.charCodeAt(0)];
  return [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}
