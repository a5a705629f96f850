import { type ByteString, StrataError, toText } from "../base/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import { baseNameOf, joinPath, parentOf } from "../tree/index.ts";
import type { MergedNode, MergedTree, Slot } from "../union/index.ts";
import { type AttributePolicy, attributesOf, opaqueAttribute } from "./attribute-policy.ts";
import type { WhiteoutStyle } from "./extract-options.ts";
import type { Losses } from "./losses.ts";
import type { ChangedDirectory, ChangedFile, TreeChanges } from "./tree-changes.ts";
import {
  CHANGED_DIRECTORY,
  type LinkRow,
  NEW_DIRECTORY,
  type RowExtras,
  RowsBuilder,
  TOUCHED_DIRECTORY,
  WHITEOUT,
  type WorkList,
} from "./work-list.ts";

/** What a plan is made with. */
export interface PlanContext {
  readonly layers: readonly LayerIndex[];
  readonly policy: AttributePolicy;
  readonly losses: Losses;
}

/** All of a tree, into a directory that has none of it. @throws StrataError `unsafe-path`, `symlink-empty` */
export function planTree(tree: MergedTree, context: PlanContext): WorkList {
  // Columns are walked faster than slots with a past.
  return new TreePlanner(tree.flatten(), context).plan();
}

/** What a layer changes. @throws StrataError as {@link planTree} */
export function planChanges(changes: TreeChanges, context: PlanContext): WorkList {
  return new ChangesPlanner(changes, context).plan();
}

/** What both plans are made of. */
class Planner {
  protected readonly directories: RowsBuilder = new RowsBuilder();
  protected readonly items: RowsBuilder = new RowsBuilder();
  protected readonly links: LinkRow[] = [];
  protected readonly context: PlanContext;

  constructor(context: PlanContext) {
    this.context = context;
  }

  protected addItem(
    parent: number,
    name: ByteString,
    { node, path }: { node: MergedNode; path: () => ByteString },
  ): number {
    const extras = this.extrasOf(node, path);
    const index = this.context.layers[node.layer] as LayerIndex;
    const dataOffset = node.type === "file" ? (index.columns.dataOffset[node.entry] as number) : 0;
    return this.items.add({ parent, name, node, dataOffset, extras });
  }

  protected extrasOf(node: MergedNode, path: () => ByteString): RowExtras | undefined {
    const attributes = attributesOf(node, path, this.context);
    const sparse = node.type === "file" ? this.context.layers[node.layer]?.sparse(node.entry) : undefined;
    return attributes.length === 0 && sparse === undefined ? undefined : { attributes, sparse };
  }

  protected finish(removals: readonly ByteString[]): WorkList {
    return { removals, directories: this.directories.finish(), items: this.items.finish(), links: this.links };
  }
}

class TreePlanner extends Planner {
  readonly #tree: MergedTree;
  /** The item that each file with several names was given first. */
  readonly #firsts = new Map<number, number>();

  constructor(tree: MergedTree, context: PlanContext) {
    super(context);
    this.#tree = tree;
  }

  plan(): WorkList {
    const pending: { readonly slot: Slot; readonly parent: number }[] = [{ slot: this.#tree.root, parent: 0 }];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      const directory = this.#addDirectory(at.slot, at.parent);
      const below: Slot[] = [];
      for (const child of this.#tree.children(at.slot)) {
        if (this.#tree.isDirectory(child)) below.push(child);
        else this.#addFile(child, directory);
      }
      for (const slot of below.reverse()) pending.push({ slot, parent: directory });
    }
    return this.finish([]);
  }

  #addDirectory(slot: Slot, parent: number): number {
    const node = this.#tree.node(slot);
    const name = slot === this.#tree.root ? "" : this.#tree.nameOf(slot);
    const extras = this.extrasOf(node, () => this.#tree.pathOf(slot));
    return this.directories.add({ parent, name, node, extras });
  }

  #addFile(slot: Slot, parent: number): void {
    const node = this.#tree.node(slot);
    const name = this.#tree.nameOf(slot);
    const first = node.nlink > 1 ? this.#firsts.get(node.inode) : undefined;
    if (first !== undefined) {
      this.links.push({ from: first, directory: parent, name });
      return;
    }
    const item = this.addItem(parent, name, { node, path: () => this.#tree.pathOf(slot) });
    if (node.nlink > 1) this.#firsts.set(node.inode, item);
  }
}

class ChangesPlanner extends Planner {
  readonly #changes: TreeChanges;
  readonly #whiteouts: WhiteoutStyle;
  /** Numbers of the directories by their paths. */
  readonly #numbers = new Map<ByteString, number>();
  /** Devices that cannot be. */
  readonly #hidden = new Set<ByteString>();

  constructor(changes: TreeChanges, context: PlanContext) {
    super(context);
    this.#changes = changes;
    this.#whiteouts = context.policy.whiteouts;
  }

  plan(): WorkList {
    for (const directory of this.#changes.directories) this.#addDirectory(directory);
    for (const file of this.#changes.files) this.#addFile(file);
    if (this.#whiteouts === "none") return this.finish(this.#changes.removals.map(({ path }) => path));
    for (const { path, needsWhiteout } of this.#changes.removals) {
      if (needsWhiteout || (this.#hidden.has(path) && this.#showsLower(path))) this.#addWhiteout(path);
    }
    return this.finish([]);
  }

  #addDirectory({ path, node, state, isOpaque }: ChangedDirectory): void {
    const known = state === "changed" ? CHANGED_DIRECTORY : TOUCHED_DIRECTORY;
    const isNew = state === "new" || this.#whiteouts !== "none";
    const parent = path === "" ? 0 : this.#numberOf(parentOf(path));
    const own = this.extrasOf(node, () => path);
    const extras =
      isOpaque && this.#whiteouts !== "none"
        ? { sparse: undefined, attributes: [...(own?.attributes ?? []), opaqueAttribute(this.#whiteouts)] }
        : own;
    const kind = isNew ? NEW_DIRECTORY : known;
    this.#numbers.set(path, this.directories.add({ parent, name: baseNameOf(path), node, kind, extras }));
  }

  #addFile({ node, added, kept }: ChangedFile): void {
    const isInPlace = this.#whiteouts === "none";
    const names = isInPlace ? added : [...kept, ...added].sort();
    const [first, ...others] = names;
    if (first === undefined || this.#isHidden(node, first)) return;
    const path = isInPlace ? kept[0] : undefined;
    const there =
      path === undefined ? undefined : { directory: this.#numberOf(parentOf(path)), name: baseNameOf(path) };
    const from = there ?? this.addItem(this.#numberOf(parentOf(first)), baseNameOf(first), { node, path: () => first });
    for (const name of there === undefined ? others : names) {
      this.links.push({ from, directory: this.#numberOf(parentOf(name)), name: baseNameOf(name) });
    }
  }

  /** Whether names of lower layers show in the directory of a path. */
  #showsLower(path: ByteString): boolean {
    for (let at = path; at !== ""; ) {
      at = parentOf(at);
      const { state, isOpaque } = this.#changes.directories[this.#numberOf(at)] as ChangedDirectory;
      if (state === "new" || isOpaque) return false;
    }
    return true;
  }

  /** A device 0:0 of the image would be a whiteout in an upper directory: it cannot be there. */
  #isHidden({ type, device }: MergedNode, path: ByteString): boolean {
    if (this.#whiteouts === "none" || type !== "char" || device.major !== 0 || device.minor !== 0) return false;
    this.#hidden.add(path);
    this.context.losses.add({ what: "whiteout", path, name: "", reason: "overlayfs takes it for a deletion" });
    return true;
  }

  #addWhiteout(path: ByteString): void {
    const parent = this.#numberOf(parentOf(path));
    const { node } = this.#changes.directories[parent] as ChangedDirectory;
    this.items.add({ parent, name: baseNameOf(path), node, kind: WHITEOUT });
  }

  #numberOf(path: ByteString): number {
    const number = this.#numbers.get(path);
    if (number !== undefined) return number;
    throw new StrataError({
      code: "internal",
      kind: "internal",
      message: `The changes have no directory "${toText(path)}"`,
      details: { path: toText(joinPath("", path)) },
    });
  }
}
