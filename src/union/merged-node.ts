import type { ByteString, FileTime } from "../base/index.ts";
import { ENTRY_TYPES, type LayerIndex, LayerIndexBuilder, SYMLINK } from "../layer/index.ts";
import { looseEntry, type TarEntry } from "../tar/index.ts";
import type { DeviceNumber, FileNode, FileType } from "../tree/index.ts";
import { NO_ENTRY } from "./slot.ts";
import type { UnionState } from "./union-state.ts";

/** The index that describes implied directories: they share its only entry. */
const IMPLIED = impliedDirectory();

/** What a tree knows of a file; everything else is in the index of its layer. */
export type NodeFacts = Pick<MergedNode, "layer" | "entry" | "inode" | "nlink">;

/**
 * A file of a union: the metadata of one entry of one layer. A directory that no entry describes is `0755 0:0` and as old
 * as the epoch. What most callers ask for is read at once, because that costs less than a call for each; the rest when asked.
 */
export class MergedNode implements FileNode {
  /** Layer whose entry this is, counted from 0 at the base. */
  readonly layer: number;
  /** Number of the entry in that layer's index; -1 for an implied directory. */
  readonly entry: number;
  readonly inode: number;
  readonly nlink: number;
  /** Whether no entry describes this directory: it exists because of what lies below it. */
  readonly isImplied: boolean;
  readonly type: FileType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: FileTime;
  readonly #index: LayerIndex;
  /** Number of the entry in that index. */
  readonly #row: number;

  constructor(layers: readonly LayerIndex[], { layer, entry, inode, nlink }: NodeFacts) {
    const isImplied = entry === NO_ENTRY;
    const index = isImplied ? IMPLIED : (layers[layer] as LayerIndex);
    const row = isImplied ? 0 : entry;
    const { columns } = index;
    const type = columns.type[row] as number;
    this.layer = layer;
    this.entry = entry;
    this.inode = inode;
    this.nlink = nlink;
    this.isImplied = isImplied;
    this.type = ENTRY_TYPES[type] as FileType;
    this.mode = columns.mode[row] as number;
    this.uid = columns.uid[row] as number;
    this.gid = columns.gid[row] as number;
    this.size = type === SYMLINK ? index.linkLength(row) : (columns.size[row] as number);
    this.mtime = index.mtime(row);
    this.#index = index;
    this.#row = row;
  }

  get device(): DeviceNumber {
    const device = this.#index.columns.device[this.#row] as number;
    return { major: device >>> 20, minor: device & 0xf_ffff };
  }

  get linkTarget(): ByteString {
    return this.type === "symlink" ? this.#index.linkName(this.#row) : "";
  }

  get xattrs(): ReadonlyMap<ByteString, Uint8Array> {
    return this.#index.xattrs(this.#row);
  }
}

/** The file that a node of a union is, under so many names. */
export function mergedNode(state: UnionState, node: number, nlink: number): MergedNode {
  const facts = { layer: state.nodeLayer.at(node), entry: state.nodeEntry.at(node), inode: node, nlink };
  return new MergedNode(state.layers, facts);
}

/** The node as an entry under one of its names, which lies in no tar. @param linkTo another name of the same file: a hardlink to it */
export function entryOfNode(node: MergedNode, path: ByteString, linkTo?: ByteString): TarEntry {
  const { type, mode, uid, gid, size, mtime, device, linkTarget, xattrs } = node;
  const facts = { mode, uid, gid, size, mtime, devMajor: device.major, devMinor: device.minor };
  return linkTo === undefined
    ? looseEntry(path, type, { ...facts, linkName: linkTarget, xattrs })
    : looseEntry(path, "hardlink", { ...facts, linkName: linkTo });
}

function impliedDirectory(): LayerIndex {
  const builder = new LayerIndexBuilder();
  builder.add(looseEntry("", "directory", { mode: 0o755 }));
  return builder.finish();
}
