import { type ByteString, toText } from "../base/index.ts";
import type { MergedNode } from "../union/index.ts";
import { type Accounts, NO_ACCOUNTS } from "./accounts.ts";
import { formatMode } from "./format-mode.ts";
import { formatSize } from "./format-size.ts";
import { formatListTime } from "./format-time.ts";
import { widthOf } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export interface LongListingOptions {
  readonly terminal: Terminal;
  /** Names of users and groups; numbers where they have none. */
  readonly accounts?: Accounts;
  /** Sizes as 4.1K. */
  readonly isHuman?: boolean;
  readonly withInode?: boolean;
  /** Seconds since the epoch, for the form of dates. */
  readonly now: number;
}

/** Something to list and what to call it. */
export interface Listed {
  readonly label: ByteString;
  readonly node: MergedNode;
}

/** Widths of the columns, found in a first pass so that a long list need not be kept. */
interface Widths {
  inode: number;
  nlink: number;
  owner: number;
  group: number;
  size: number;
  layer: number;
}

/**
 * Lines as of `ls -l`, with the layer before the name: `-rw-r--r-- 1 root root 46 Nov 14  2023 L3 motd`.
 * `entries` is walked twice.
 */
export function* longListing(entries: Iterable<Listed>, options: LongListingOptions): Generator<ByteString> {
  const widths: Widths = { inode: 0, nlink: 0, owner: 0, group: 0, size: 0, layer: 0 };
  for (const { node } of entries) measure(node, widths, options);
  for (const entry of entries) yield longLine(entry, widths, options);
}

/** One such line by itself, with the widths that `find -ls` uses. */
export function lonelyLine(entry: Listed, options: LongListingOptions): ByteString {
  return longLine(entry, { inode: 6, nlink: 3, owner: 8, group: 8, size: 8, layer: 2 }, options);
}

function measure(node: MergedNode, widths: Widths, options: LongListingOptions): void {
  const { owner, group } = namesOf(node, options);
  widths.inode = Math.max(widths.inode, String(node.inode).length);
  widths.nlink = Math.max(widths.nlink, String(node.nlink).length);
  widths.owner = Math.max(widths.owner, width(owner));
  widths.group = Math.max(widths.group, width(group));
  widths.size = Math.max(widths.size, sizeOf(node, options).length);
  widths.layer = Math.max(widths.layer, layerTag(node).length);
}

function longLine({ label, node }: Listed, widths: Widths, options: LongListingOptions): ByteString {
  const { terminal, withInode = false, now } = options;
  const { owner, group } = namesOf(node, options);
  const inode = withInode ? `${String(node.inode).padStart(widths.inode)} ` : "";
  const facts = [
    formatMode(node),
    String(node.nlink).padStart(widths.nlink),
    owner + fill(owner, widths.owner),
    group + fill(group, widths.group),
    sizeOf(node, options).padStart(widths.size),
    formatListTime(node.mtime, now),
    terminal.style.layer(node.layer, layerTag(node)) + fill(layerTag(node), widths.layer),
  ];
  return `${inode}${facts.join(" ")} ${nameWithTarget({ label, node }, terminal)}`;
}

/** `name`, or `name -> target`. */
export function nameWithTarget({ label, node }: Listed, terminal: Terminal): ByteString {
  const name = terminal.style.file(node, terminal.name(label));
  return node.type === "symlink" ? `${name} -> ${terminal.name(node.linkTarget)}` : name;
}

/** How a layer is called beside a name. */
export function layerTag({ layer }: { readonly layer: number }): string {
  return `L${layer}`;
}

function namesOf(
  { uid, gid }: MergedNode,
  { accounts = NO_ACCOUNTS, terminal }: LongListingOptions,
): { owner: ByteString; group: ByteString } {
  return {
    owner: terminal.name(accounts.users.get(uid) ?? String(uid)),
    group: terminal.name(accounts.groups.get(gid) ?? String(gid)),
  };
}

function sizeOf(node: MergedNode, { isHuman = false }: LongListingOptions): string {
  if (node.type === "char" || node.type === "block") return `${node.device.major}, ${node.device.minor}`;
  return isHuman ? formatSize(node.size) : String(node.size);
}

function width(name: ByteString): number {
  return widthOf(toText(name));
}

function fill(name: ByteString, columns: number): string {
  return " ".repeat(Math.max(0, columns - width(name)));
}
