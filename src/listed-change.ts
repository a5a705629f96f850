import type { ByteString } from "./base/index.ts";
import { type ChangedField, HARDLINK, type LayerIndex, type TreeChange } from "./layer/index.ts";
import type { FileNode, FileType } from "./tree/index.ts";

/** What is known of a file that was compared. */
export type ComparedFile = Omit<FileNode, "nlink" | "inode">;

/** One path that differs between two trees. */
export interface ListedChange {
  /** `deleted` stands for all that was below, too. */
  readonly kind: TreeChange["kind"];
  /** Clean, without leading slash; `""` is the root. */
  readonly path: ByteString;
  /** What differs; empty unless it was modified. */
  readonly fields: readonly ChangedField[];
  /** Undefined for what was added. */
  readonly before?: ComparedFile | undefined;
  /** Undefined for what was deleted. */
  readonly after?: ComparedFile | undefined;
}

/** Files of a tree by their entries; a hardlink is the file of its first name. */
export class ComparedFiles {
  readonly #index: LayerIndex;
  #entries: Map<ByteString, number> | undefined;

  constructor(index: LayerIndex) {
    this.#index = index;
  }

  at(entry: number): ComparedFile {
    const index = this.#index;
    const { columns } = index;
    if (columns.type[entry] === HARDLINK) return this.at(this.#find(index.linkName(entry)));
    const device = columns.device[entry] as number;
    return {
      type: index.type(entry) as FileType,
      mode: columns.mode[entry] as number,
      uid: columns.uid[entry] as number,
      gid: columns.gid[entry] as number,
      size: columns.size[entry] as number,
      mtime: index.mtime(entry),
      device: { major: device >>> 20, minor: device & 0xf_ffff },
      linkTarget: index.linkName(entry),
      xattrs: index.xattrs(entry),
    };
  }

  /** First names come before their hardlinks. */
  #find(name: ByteString): number {
    if (this.#entries === undefined) {
      this.#entries = new Map();
      for (let entry = 0; entry < this.#index.count; entry++) this.#entries.set(this.#index.name(entry), entry);
    }
    return this.#entries.get(name) as number;
  }
}
