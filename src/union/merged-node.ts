import type { ByteString } from "../base/index.ts";
import { DIRECTORY, ENTRY_TYPES, FILE, type LayerIndex, SYMLINK } from "../layer/index.ts";
import type { DeviceNumber, FileNode, FileTime, FileType } from "../tree/index.ts";
import { NO_ENTRY, type UnionState } from "./union-state.ts";

const EPOCH: FileTime = { seconds: 0, nanoseconds: 0 };
const NO_XATTRS: ReadonlyMap<ByteString, Uint8Array> = new Map();
const IMPLIED_MODE = 0o755;

/** What a tree knows of a file; everything else is in the index of its layer. */
export type NodeFacts = Pick<MergedNode, "layer" | "entry" | "inode" | "nlink">;

/**
 * A file of a union: the metadata of one entry of one layer, read from its index when asked.
 * A directory that no entry describes is `0755 0:0` and as old as the epoch.
 */
export class MergedNode implements FileNode {
  /** Layer whose entry this is, counted from 0 at the base. */
  readonly layer: number;
  /** Number of the entry in that layer's index; -1 for an implied directory. */
  readonly entry: number;
  readonly inode: number;
  readonly nlink: number;
  readonly #index: LayerIndex;

  constructor(layers: readonly LayerIndex[], { layer, entry, inode, nlink }: NodeFacts) {
    this.layer = layer;
    this.entry = entry;
    this.inode = inode;
    this.nlink = nlink;
    this.#index = layers[layer] as LayerIndex;
  }

  /** Whether no entry describes this directory: it exists because of what lies below it. */
  get isImplied(): boolean {
    return this.entry === NO_ENTRY;
  }

  get type(): FileType {
    return ENTRY_TYPES[this.#typeNumber] as FileType;
  }

  get mode(): number {
    return this.isImplied ? IMPLIED_MODE : (this.#index.columns.mode[this.entry] as number);
  }

  get uid(): number {
    return this.isImplied ? 0 : (this.#index.columns.uid[this.entry] as number);
  }

  get gid(): number {
    return this.isImplied ? 0 : (this.#index.columns.gid[this.entry] as number);
  }

  get size(): number {
    const type = this.#typeNumber;
    if (type === FILE) return this.#index.columns.size[this.entry] as number;
    return type === SYMLINK ? this.linkTarget.length : 0;
  }

  get mtime(): FileTime {
    return this.isImplied ? EPOCH : this.#index.mtime(this.entry);
  }

  get device(): DeviceNumber {
    const device = this.isImplied ? 0 : (this.#index.columns.device[this.entry] as number);
    return { major: device >>> 20, minor: device & 0xf_ffff };
  }

  get linkTarget(): ByteString {
    return this.#typeNumber === SYMLINK ? this.#index.linkName(this.entry) : "";
  }

  get xattrs(): ReadonlyMap<ByteString, Uint8Array> {
    return this.isImplied ? NO_XATTRS : this.#index.xattrs(this.entry);
  }

  get #typeNumber(): number {
    return this.isImplied ? DIRECTORY : (this.#index.columns.type[this.entry] as number);
  }
}

/** The file that a node of a union is, under so many names. */
export function mergedNode(state: UnionState, node: number, nlink: number): MergedNode {
  const facts = { layer: state.nodeLayer.at(node), entry: state.nodeEntry.at(node), inode: node, nlink };
  return new MergedNode(state.layers, facts);
}
