import type { ByteString } from "../base/index.ts";
import { joinPath } from "../tree/index.ts";
import type { LayerStep, MergedNode, ProvenanceTree, Slot } from "../union/index.ts";
import type { ChangedDirectory, ChangedFile, RemovedPath, TreeChanges } from "./tree-changes.ts";

/**
 * What one layer of a tree changes, against the merge of those below it. The cost follows from what the layer touches, not from
 * the size of the tree.
 * @param since all layers from this one to `layer`, taken together; for changes that are carried out in place
 */
export function changesOfLayer(tree: ProvenanceTree, layer: number, since: number = layer): TreeChanges {
  return new ChangeCollector(tree, layer, since).collect();
}

/** A directory of the result. */
interface FoundDirectory {
  readonly path: ByteString;
  readonly node: MergedNode;
  readonly wasDirectory: boolean;
  isChanged: boolean;
  isOpaque: boolean;
  /** Nothing of the lower layers shows in it. */
  isCut: boolean;
}

class ChangeCollector {
  readonly #tree: ProvenanceTree;
  readonly #layer: number;
  /** The last layer below. */
  readonly #below: number;
  /** Those found so far, parents before children. */
  readonly #directories = new Map<Slot, FoundDirectory>();
  /** Slots whose lower file goes. */
  readonly #removed: { readonly slot: Slot; readonly isGone: boolean }[] = [];
  /** Files by inode: one slot that holds it now. */
  readonly #files = new Map<number, { readonly node: MergedNode; readonly slot: Slot }>();
  /** Inodes that lost a name. */
  readonly #loosened = new Set<number>();

  constructor(tree: ProvenanceTree, layer: number, since: number) {
    this.#tree = tree;
    this.#layer = layer;
    this.#below = since - 1;
  }

  collect(): TreeChanges {
    this.#directory(this.#tree.root);
    for (const step of this.#tree.steps(this.#layer, this.#below + 1)) this.#take(step);
    this.#findCuts();
    const files = this.#changedFiles();
    return {
      layer: this.#layer,
      layers: this.#tree.layers,
      removals: this.#removals(),
      directories: [...this.#directories.values()].map(toChanged),
      files,
    };
  }

  #take(step: LayerStep): void {
    const { slot, before, after } = step;
    if (before !== undefined && before.type !== "directory" && before.inode !== after?.inode) {
      this.#loosened.add(before.inode);
    }
    if (after === undefined) {
      if (before !== undefined) this.#takeRemoved(step);
      return;
    }
    if (after.type === "directory") this.#takeDirectory(step, after);
    else this.#files.set(after.inode, { node: after, slot });
    if (before !== undefined && isReplaced(before, after)) this.#removed.push({ slot, isGone: false });
  }

  /** What lies below a path that is no directory any more goes with it. */
  #takeRemoved({ slot, cause }: LayerStep): void {
    const parent = this.#tree.parentOf(slot);
    if (this.#tree.nodeAfter(parent, this.#layer)?.type !== "directory") return;
    this.#removed.push({ slot, isGone: true });
    const directory = this.#directory(parent);
    // Then all names of the lower layers went at once. The kernel reads no such mark on the root of a layer.
    if (parent !== this.#tree.root && directory.wasDirectory && (cause === "opaque" || cause === "ancestor"))
      directory.isOpaque = true;
  }

  #takeDirectory({ slot, before }: LayerStep, after: MergedNode): void {
    const isSame = before?.inode === after.inode;
    if (!isSame) this.#directory(slot).isChanged = true;
  }

  /** The directory in a slot, which is one after this layer, and with it those that lead there. */
  #directory(slot: Slot): FoundDirectory {
    const found = this.#directories.get(slot);
    if (found !== undefined) return found;
    const isRoot = slot === this.#tree.root;
    const parent = isRoot ? undefined : this.#directory(this.#tree.parentOf(slot));
    const directory: FoundDirectory = {
      path: parent === undefined ? "" : joinPath(parent.path, this.#tree.nameOf(slot)),
      node: this.#tree.nodeAfter(slot, this.#layer) as MergedNode,
      wasDirectory: this.#tree.nodeAfter(slot, this.#below)?.type === "directory",
      isChanged: false,
      isOpaque: false,
      isCut: false,
    };
    this.#directories.set(slot, directory);
    return directory;
  }

  #pathOf(slot: Slot): ByteString {
    return joinPath(this.#directory(this.#tree.parentOf(slot)).path, this.#tree.nameOf(slot));
  }

  /** An opaque mark below another, or in a directory that is new, hides nothing. */
  #findCuts(): void {
    for (const [slot, directory] of this.#directories) {
      const parent = slot === this.#tree.root ? undefined : this.#directories.get(this.#tree.parentOf(slot));
      if (parent?.isCut === true || !directory.wasDirectory) directory.isOpaque = false;
      directory.isCut = parent?.isCut === true || !directory.wasDirectory || directory.isOpaque;
    }
  }

  #removals(): RemovedPath[] {
    return this.#removed.map(({ slot, isGone }) => {
      const parent = this.#directory(this.#tree.parentOf(slot));
      return { path: this.#pathOf(slot), needsWhiteout: isGone && !parent.isCut };
    });
  }

  #changedFiles(): ChangedFile[] {
    const files: ChangedFile[] = [];
    for (const [inode, { node, slot }] of this.#files) {
      files.push(this.#changedFile(node, this.#tree.namesAfter(inode, this.#layer) ?? [slot]));
    }
    for (const inode of this.#loosened) {
      const names = this.#files.has(inode) ? [] : (this.#tree.namesAfter(inode, this.#layer) ?? []);
      const node = names.length === 0 ? undefined : this.#tree.nodeAfter(names[0] as Slot, this.#layer);
      if (node !== undefined) files.push(this.#changedFile(node, names));
    }
    return files;
  }

  #changedFile(node: MergedNode, slots: readonly Slot[]): ChangedFile {
    const added: ByteString[] = [];
    const kept: ByteString[] = [];
    for (const slot of slots) {
      const isKept = this.#tree.nodeAfter(slot, this.#below)?.inode === node.inode;
      (isKept ? kept : added).push(this.#pathOf(slot));
    }
    return { node, added: added.sort(), kept: kept.sort() };
  }
}

/** Whether what was there has to go before the new file can come. */
function isReplaced(before: MergedNode, after: MergedNode): boolean {
  if (before.type === "directory" && after.type === "directory") return false;
  return before.inode !== after.inode;
}

function toChanged({ path, node, wasDirectory, isChanged, isOpaque }: FoundDirectory): ChangedDirectory {
  const known = isChanged ? "changed" : "kept";
  return { path, node, state: wasDirectory ? known : "new", isOpaque };
}
