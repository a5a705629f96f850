import type { ByteString } from "../base/index.ts";
import type { ImageLayer } from "../image/index.ts";
import { type LayerIndex, ociWhiteouts } from "../layer/index.ts";
import { END_OF_ARCHIVE } from "../tar/index.ts";
import { baseNameOf, clampEntryName, cleanEntryName, joinPath, parentOf } from "../tree/index.ts";
import { type LayerEvent, MergedNode, type ProvenanceTree } from "../union/index.ts";
import type { RemovedPlaces } from "./remove-path-targets.ts";
import { type EntryOrigin, type LayerRow, originOf, tarBytesOf } from "./rewrite-rows.ts";
import type { TarSplice } from "./rewrite-tar.ts";

/** How the tar of a layer loses what has to go. */
export interface RemovalPlan {
  readonly splices: readonly TarSplice[];
  /** For each entry of the new tar that is no marker and no hardlink, what it was. */
  readonly origins: readonly (EntryOrigin | undefined)[];
}

/** What a plan is made of. */
export interface RemovalInit {
  /** The layers merged, in this order. */
  readonly tree: ProvenanceTree;
  /** All of them as tars. */
  readonly layers: readonly ImageLayer[];
  readonly places: RemovedPlaces;
}

/** Plans the removal in one layer; undefined where the layer has nothing of it. */
export function planRemoval(init: RemovalInit, layer: number): RemovalPlan | undefined {
  return new RemovalPlanner(init, layer).plan();
}

class RemovalPlanner {
  readonly #init: RemovalInit;
  readonly #layer: number;
  readonly #index: LayerIndex;
  /** What placed something at a name, by entry. */
  readonly #placed = new Map<number, LayerEvent>();
  /** Directories that entries implied. */
  readonly #implied = new Map<number, LayerEvent[]>();
  /** Plumbing entries that are linked to; true while all those links go. */
  readonly #isIdle = new Map<number, boolean>();
  /** Paths of files that were made here of links, by inode. */
  readonly #made = new Map<number, ByteString>();

  constructor(init: RemovalInit, layer: number) {
    this.#init = init;
    this.#layer = layer;
    this.#index = (init.layers[layer] as ImageLayer).index;
    for (const event of init.tree.events(layer)) this.#note(event);
    for (const { slot, node } of this.#placed.values()) {
      if (node === undefined || node.layer !== layer || this.#placed.has(node.entry)) continue;
      const isIdle = this.#isIdle.get(node.entry) ?? true;
      this.#isIdle.set(node.entry, isIdle && init.places.has(slot));
    }
  }

  plan(): RemovalPlan | undefined {
    const splices: TarSplice[] = [];
    const origins: (EntryOrigin | undefined)[] = [];
    for (let entry = 0; entry < this.#index.count; entry++) {
      const rows = this.#replacementOf(entry);
      if (rows === undefined) origins.push(this.#originOf(entry));
      else {
        splices.push(this.#splice(entry, rows));
        origins.push(...rows.map(originOf));
      }
    }
    return splices.length === 0 ? undefined : { splices, origins };
  }

  #note(event: LayerEvent): void {
    const { cause, entry } = event;
    if (cause === "entry" || cause === "hardlink") this.#placed.set(entry, event);
    else if (cause === "implied") this.#implied.set(entry, [...(this.#implied.get(entry) ?? []), event]);
  }

  /** What stands in place of an entry; undefined where it stays as it is. */
  #replacementOf(entry: number): LayerRow[] | undefined {
    const event = this.#placed.get(entry);
    if (event === undefined) return this.#isRemovedMark(entry) ? [] : undefined;
    if (this.#init.places.has(event.slot)) return this.#directoriesThatStay(entry);
    return event.cause === "hardlink" ? this.#relink(entry, event) : undefined;
  }

  /** Directories that are there only because of an entry stay without it. */
  #directoriesThatStay(entry: number): LayerRow[] {
    const stay = (this.#implied.get(entry) ?? []).filter(({ slot }) => !this.#init.places.has(slot));
    return stay.map((event) => this.#rowOf(event));
  }

  /** A link to what goes becomes the file itself, or a link to another name that stays. */
  #relink(entry: number, event: LayerEvent): LayerRow[] | undefined {
    const { tree, places } = this.#init;
    const target = tree.everAt(clampEntryName(this.#index.linkName(entry)));
    if (target === undefined || !places.has(target)) return undefined;
    const row = this.#rowOf(event);
    const linkTo = this.#otherName(event);
    if (linkTo !== undefined) return [{ ...row, linkTo }];
    this.#made.set(event.node?.inode ?? 0, row.path);
    return [row];
  }

  #otherName({ node }: LayerEvent): ByteString | undefined {
    const { tree, places } = this.#init;
    const { layer = -1, entry = -1, inode = 0 } = node ?? {};
    const made = this.#made.get(inode);
    if (made !== undefined) return made;
    const own = layer === this.#layer ? this.#placed.get(entry) : undefined;
    if (own !== undefined && !places.has(own.slot)) return tree.pathOf(own.slot);
    const slots = (tree.namesAfter(inode, this.#layer - 1) ?? []).filter(
      (slot) => !places.has(slot) && tree.nodeAfter(slot, this.#layer)?.inode === inode,
    );
    return slots.map((slot) => tree.pathOf(slot)).sort()[0];
  }

  /** Whether an entry that placed nothing goes: a marker, a link that was there already, a driver's note. */
  #isRemovedMark(entry: number): boolean {
    const { places } = this.#init;
    if (this.#isIdle.get(entry) === true) return true;
    const path = cleanEntryName(this.#index.name(entry));
    const place = { directory: parentOf(path), name: baseNameOf(path) };
    switch (ociWhiteouts.meaningOf(this.#index, entry, place)) {
      case "whiteout":
        return places.hasPath(joinPath(place.directory, ociWhiteouts.hiddenName(place.name)), this.#layer);
      case "opaque":
      case "opaque-directory":
        return places.hasPath(place.directory, this.#layer);
      case "plumbing":
        return false;
      case "entry":
        return [path, clampEntryName(this.#index.linkName(entry))].some((name) => places.hasPath(name, this.#layer));
    }
  }

  #rowOf({ slot, node }: LayerEvent): LayerRow {
    const { tree } = this.#init;
    const facts = { layer: this.#layer, entry: -1, inode: 0, nlink: 1, ...node };
    return { path: tree.pathOf(slot), node: new MergedNode(tree.layers, facts) };
  }

  #originOf(entry: number): EntryOrigin | undefined {
    const isPlace = this.#index.type(entry) !== "hardlink";
    return isPlace ? { layer: this.#layer, entry } : undefined;
  }

  /** All up to the next entry goes; what follows the last one, too, because nobody knows what it is. */
  #splice(entry: number, rows: readonly LayerRow[]): TarSplice {
    const { layers } = this.#init;
    const { headerOffset } = this.#index.columns;
    const isLast = entry + 1 === this.#index.count;
    const inserted = async function* (): AsyncGenerator<Uint8Array> {
      if (rows.length > 0) yield* tarBytesOf(rows, layers);
      if (isLast) yield END_OF_ARCHIVE;
    };
    return {
      start: headerOffset[entry] as number,
      end: isLast ? Number.POSITIVE_INFINITY : (headerOffset[entry + 1] as number),
      ...((rows.length > 0 || isLast) && { insert: inserted() }),
    };
  }
}
