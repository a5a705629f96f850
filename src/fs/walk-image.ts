import { baseNameOf, type FileType } from "../tree/index.ts";
import type { MergedTree, Slot } from "../union/index.ts";
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
export interface WalkEntry<Name extends string | Buffer = string> {
  /** Absolute, without symlinks in it. */
  readonly path: Name;
  /** Last part of the path; empty for the root. */
  readonly name: Name;
  readonly type: FileType;
  readonly layer: EntryLayer;
  /** As `lstat` gives it. */
  stat(): ImageStats;
}

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
    yield {
      path: encode(`/${path}`),
      name: encode(baseNameOf(path)),
      type: node.type,
      layer: layers[node.layer] ?? { number: node.layer },
      stat: () => new ImageStats(node),
    };
  }
}
