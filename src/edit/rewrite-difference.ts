import type { ByteString } from "../base/index.ts";
import { assertNameFitsLayer } from "../layer/index.ts";
import { joinPath } from "../tree/index.ts";
import type { MergedNode, ProvenanceTree, Slot } from "../union/index.ts";
import type { LayerRow } from "./rewrite-rows.ts";

/** What a difference is taken of. */
export interface DifferenceInit {
  /** The first layer that counts. */
  readonly from: number;
  /** Slots that are in neither tree, with all below them. Default: none. */
  readonly isLeftOut?: (slot: Slot) => boolean;
}

/**
 * What the layers of a tree from `from` up make of the tree below them: files that are not the same entry of the same layer,
 * all names of an inode that got one, the directories that lead there, and whiteouts; an opaque marker where nothing of a
 * directory stayed. In walk order. Put on the layers below, it gives the same tree. Its cost follows from what they touched.
 *
 * @throws StrataError `name-reserved` for a file whose name would mean a deletion
 */
export function differenceOfLayers(tree: ProvenanceTree, init: DifferenceInit): LayerRow[] {
  return new DifferenceCollector(tree, init).collect();
}

class DifferenceCollector {
  readonly #tree: ProvenanceTree;
  readonly #from: number;
  readonly #isLeftOut: (slot: Slot) => boolean;
  /** Directories that have an entry, and their paths. */
  readonly #directories = new Map<Slot, ByteString>();
  /** Other files by inode, with one of their slots. */
  readonly #files = new Map<number, Slot>();
  /** What is gone from directories that are still there. */
  readonly #gone = new Map<Slot, ByteString[]>();
  readonly #rows: LayerRow[] = [];

  constructor(tree: ProvenanceTree, { from, isLeftOut = () => false }: DifferenceInit) {
    this.#tree = tree;
    this.#from = from;
    this.#isLeftOut = isLeftOut;
  }

  /** All entries in walk order. */
  collect(): LayerRow[] {
    for (const slot of this.#touched()) this.#take(slot);
    for (const [directory, names] of this.#gone) this.#addMarkers(directory, names);
    for (const [inode, slot] of this.#files) this.#addFile(inode, slot);
    for (const [slot, path] of this.#directories) this.#rows.push(this.#rowOf(slot, path));
    const keyed = this.#rows.map((row) => ({ row, key: row.path.replaceAll("/", "\0") }));
    return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ row }) => row);
  }

  #touched(): Set<Slot> {
    const slots = new Set<Slot>();
    for (let layer = this.#from; layer < this.#tree.layers.length; layer++) {
      for (const { slot } of this.#tree.steps(layer)) if (!this.#isLeftOut(slot)) slots.add(slot);
    }
    return slots;
  }

  #before(slot: Slot): MergedNode | undefined {
    return this.#tree.nodeAfter(slot, this.#from - 1);
  }

  #after(slot: Slot): MergedNode | undefined {
    return this.#tree.holds(slot) ? this.#tree.node(slot) : undefined;
  }

  #take(slot: Slot): void {
    const [before, after] = [this.#before(slot), this.#after(slot)];
    if (before?.inode === after?.inode) return;
    if (after === undefined) this.#takeGone(slot);
    else if (after.type === "directory") this.#lead(slot);
    else this.#files.set(after.inode, slot);
  }

  /** What lay below a path that is no directory any more goes with it. */
  #takeGone(slot: Slot): void {
    const parent = this.#tree.parentOf(slot);
    if (!this.#tree.isDirectory(parent)) return;
    const names = this.#gone.get(parent) ?? [];
    names.push(this.#tree.nameOf(slot));
    this.#gone.set(parent, names);
  }

  /** overlayfs reads no opaque mark on the root of a layer, so names go from there one by one. */
  #addMarkers(directory: Slot, names: readonly ByteString[]): void {
    const path = this.#lead(directory);
    const isOpaque = directory !== this.#tree.root && !this.#hasSurvivors(directory);
    const markers = isOpaque ? [".wh..wh..opq"] : names.map((name) => `.wh.${name}`);
    for (const name of markers) this.#rows.push({ path: joinPath(path, name) });
  }

  /** Whether something of the lower layers still shows in a directory. */
  #hasSurvivors(directory: Slot): boolean {
    return this.#tree.children(directory).some((child) => {
      const before = this.#isLeftOut(child) ? undefined : this.#before(child);
      if (before === undefined) return false;
      const after = this.#tree.node(child);
      return before.inode === after.inode || (before.type === "directory" && after.type === "directory");
    });
  }

  #addFile(inode: number, slot: Slot): void {
    const slots = this.#tree.namesAfter(inode, this.#tree.layers.length - 1) ?? [slot];
    const paths = slots.filter((name) => !this.#isLeftOut(name)).map((name) => this.#pathOf(name));
    const sorted = paths.sort((a, b) => (a.replaceAll("/", "\0") < b.replaceAll("/", "\0") ? -1 : 1));
    const [first = "", ...others] = sorted;
    this.#rows.push(this.#rowOf(slot, first));
    for (const path of others) this.#rows.push({ ...this.#rowOf(slot, path), linkTo: first });
  }

  #rowOf(slot: Slot, path: ByteString): LayerRow {
    assertNameFitsLayer(path);
    return { path, node: this.#tree.node(slot) };
  }

  #pathOf(slot: Slot): ByteString {
    return joinPath(this.#lead(this.#tree.parentOf(slot)), this.#tree.nameOf(slot));
  }

  /** Gives a directory an entry, and all above it; not the root, which is there, unless it changed. */
  #lead(slot: Slot): ByteString {
    const known = this.#directories.get(slot);
    if (known !== undefined) return known;
    const isRoot = slot === this.#tree.root;
    const path = isRoot ? "" : this.#pathOf(slot);
    if (!isRoot || this.#before(slot)?.inode !== this.#tree.node(slot).inode) this.#addDirectory(slot, path);
    return path;
  }

  #addDirectory(slot: Slot, path: ByteString): void {
    const isBareRoot = path === "" && this.#tree.node(slot).isImplied;
    if (!isBareRoot) this.#directories.set(slot, path);
  }
}
