import type { FileType } from "../tree/index.ts";
import type { MergedNode, MergedTree, Slot } from "../union/index.ts";
import { assertNotCancelled } from "./argument-error.ts";
import { ImageStats } from "./image-stats.ts";
import { encoderFor, type NameEncoding } from "./name-encoding.ts";

/** The layer that a file comes from. */
export interface EntryLayer {
  /** Counted from 0 at the base. */
  readonly number: number;
  /** The instruction that made the layer, where the image tells it. */
  readonly createdBy?: string | undefined;
}

/** One file that a walk meets. */
export class WalkEntry<Name extends string | Buffer = string> {
  /** Absolute, without symlinks in it. */
  readonly path: Name;
  /** Last part of the path; empty for the root. */
  readonly name: Name;
  readonly layer: EntryLayer;
  readonly #node: MergedNode;

  constructor(place: { readonly path: Name; readonly name: Name }, node: MergedNode, layer: EntryLayer) {
    this.path = place.path;
    this.name = place.name;
    this.layer = layer;
    this.#node = node;
  }

  get type(): FileType {
    return this.#node.type;
  }

  /** As `lstat` gives it. */
  stat(): ImageStats {
    return new ImageStats(this.#node);
  }
}

/** How a walk names files, and until when it goes on. */
export interface WalkOptions {
  /** `buffer` gives exact bytes. Default `utf8`. */
  readonly encoding?: NameEncoding | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is known of a layer beside its number. */
export type DescribeLayer = (layer: number) => { readonly createdBy?: string | undefined };

/** A slot and everything below it, parents first, names in ascending byte order. Symlinks are met, never followed. */
export function* walkImage(
  tree: MergedTree,
  top: Slot,
  { encoding, signal, describeLayer }: WalkOptions & { readonly describeLayer?: DescribeLayer | undefined },
): Generator<WalkEntry<string | Buffer>> {
  const encode = encoderFor(encoding);
  const layers = tree.layers.map((_, number): EntryLayer => ({ ...describeLayer?.(number), number }));
  for (const { slot, path } of tree.walk(top)) {
    assertNotCancelled(signal);
    const node = tree.node(slot);
    const place = { path: encode(`/${path}`), name: encode(tree.nameOf(slot)) };
    yield new WalkEntry(place, node, layers[node.layer] ?? { number: node.layer });
  }
}
