import { type ByteString, StrataError, toText } from "../base/index.ts";
import { clampEntryName, joinPath } from "../tree/index.ts";
import { DIRECTORY, HARDLINK } from "./entry-kind.ts";
import { EntryPaths } from "./entry-paths.ts";
import type { LayerIndex } from "./layer-index.ts";
import { whereIs } from "./where-is.ts";
import { type EntryMeaning, ociWhiteouts, type WhiteoutCodec } from "./whiteout-codec.ts";

/** Something a layer takes away. Paths are clean and literal: symlinks in them are for whoever acts to resolve. */
export type ChangesetRemoval =
  /** Remove `name` from `directory`, as far as lower layers have it. */
  | { readonly kind: "whiteout"; readonly directory: ByteString; readonly name: ByteString; readonly entry: number }
  /** Remove all that lower layers have in `directory`; the directory itself stays. */
  | { readonly kind: "opaque"; readonly directory: ByteString; readonly entry: number };

/** Something a layer places. Paths as in {@link ChangesetRemoval}. */
export type ChangesetPlacement =
  /** Give the root directory the metadata of the entry. */
  | { readonly kind: "root"; readonly entry: number }
  /** Place the entry; the directory is made when it is missing. */
  | { readonly kind: "put"; readonly directory: ByteString; readonly name: ByteString; readonly entry: number }
  /** Give the file at `target`, which is not followed when it is a symlink, one more name. */
  | {
      readonly kind: "link";
      readonly directory: ByteString;
      readonly name: ByteString;
      readonly target: ByteString;
      readonly entry: number;
    }
  /** Not part of the image; later entries of this layer may link to it by `path`. */
  | { readonly kind: "plumbing"; readonly path: ByteString; readonly entry: number };

/** A layer, decided: first what it takes away from the layers below, then what it places, each in tar order. */
export interface ChangesetPlan {
  /**
   * All whiteouts and opaque markers. They concern lower layers only, so they come first wherever they stand in the
   * tar (image-spec layer.md#whiteouts): what a layer adds, the same layer never removes.
   */
  readonly removals: readonly ChangesetRemoval[];
  readonly placements: Iterable<ChangesetPlacement>;
}

/**
 * Decides what a layer does to the tree below it. Pure: the same index gives the same plan, nothing is touched.
 * Placements are decided one by one as they are taken, so a plan of millions of entries costs no memory.
 *
 * @throws StrataError while planning or iterating: `path-escapes-root`, `invalid-whiteout` or `root-replaced` (hostile),
 *   with the entry and its offset
 */
export function planChangeset(index: LayerIndex, codec: WhiteoutCodec = ociWhiteouts): ChangesetPlan {
  const hasMarkers = codec.mayHaveMarkers(index);
  const removals = hasMarkers ? removalsOf(index, codec) : [];
  return { removals, placements: placementsOf(index, hasMarkers ? codec : undefined) };
}

function removalsOf(index: LayerIndex, codec: WhiteoutCodec): ChangesetRemoval[] {
  const removals: ChangesetRemoval[] = [];
  const paths = new EntryPaths(index);
  for (let entry = 0; entry < index.count; entry++) {
    paths.moveTo(entry);
    const removal = decideRemoval(index, entry, { paths, codec });
    if (removal !== undefined) removals.push(removal);
  }
  return removals;
}

/** Without a codec no entry is a marker. */
function* placementsOf(index: LayerIndex, codec: WhiteoutCodec | undefined): Generator<ChangesetPlacement> {
  const paths = new EntryPaths(index);
  for (let entry = 0; entry < index.count; entry++) {
    paths.moveTo(entry);
    const meaning = codec?.meaningOf(index, entry, paths) ?? "entry";
    const placement = decidePlacement(index, entry, { paths, meaning });
    if (placement !== undefined) yield placement;
  }
}

function decideRemoval(
  index: LayerIndex,
  entry: number,
  { paths, codec }: { readonly paths: EntryPaths; readonly codec: WhiteoutCodec },
): ChangesetRemoval | undefined {
  const { directory, name } = paths;
  switch (codec.meaningOf(index, entry, paths)) {
    case "whiteout":
      return { kind: "whiteout", directory, name: codec.hiddenName(name), entry };
    case "opaque":
      return { kind: "opaque", directory, entry };
    case "opaque-directory":
      return { kind: "opaque", directory: joinPath(directory, name), entry };
    case "entry":
    case "plumbing":
      return undefined;
  }
}

function decidePlacement(
  index: LayerIndex,
  entry: number,
  { paths, meaning }: { readonly paths: EntryPaths; readonly meaning: EntryMeaning },
): ChangesetPlacement | undefined {
  const { directory, name } = paths;
  if (meaning === "plumbing") return { kind: "plumbing", path: joinPath(directory, name), entry };
  if (meaning !== "entry" && meaning !== "opaque-directory") return undefined;
  if (name === "") return decideRoot(index, entry);
  if (index.columns.type[entry] !== HARDLINK) return { kind: "put", directory, name, entry };
  return { kind: "link", directory, name, target: clampEntryName(index.linkName(entry)), entry };
}

/** CVE-2021-29136: a root that becomes a symlink would redirect every later entry. */
function decideRoot(index: LayerIndex, entry: number): ChangesetPlacement {
  if (index.columns.type[entry] === DIRECTORY) return { kind: "root", entry };
  throw new StrataError({
    code: "root-replaced",
    kind: "hostile",
    message: `The entry "${toText(index.name(entry))}" would replace the root directory by a ${index.type(entry)}`,
    details: whereIs(index, entry),
  });
}
