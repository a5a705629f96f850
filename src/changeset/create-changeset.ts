import type { ByteString, FileTime } from "../base/index.ts";
import type { Notice } from "../directory/index.ts";
import {
  changesetTar,
  compareTrees,
  differenceOf,
  type LayerIndex,
  LayerIndexBuilder,
  type TimePrecision,
  type TreeChange,
  type WhiteoutCodec,
} from "../layer/index.ts";
import type { WriteTarOptions } from "../tar/index.ts";
import type { ListedTree } from "./listed-tree.ts";
import { contentComparison } from "./same-content.ts";

/** How two trees are compared. */
export interface CreateChangesetOptions {
  /**
   * `unsure`: the data of two files is compared where size and time are the same and the time has no fraction, which somebody may
   * have cut off, or where the file was not changed after its time in any way: the clock's times are coarse; `always`: wherever the sizes are the same. Default: `unsure`.
   */
  readonly contents?: "unsure" | "always" | undefined;
  /** `truncated`: where one side has whole seconds only, an archive may have cut the rest off. Default: `exact`. */
  readonly times?: TimePrecision | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How the tar of a changeset is written. */
export interface ChangesetOutput extends WriteTarOptions {
  /** Times later than this become this (reproducible-builds.org, SOURCE_DATE_EPOCH). */
  readonly clampTime?: FileTime | undefined;
}

/** What makes one tree out of another. Holds nothing open. */
export interface Changeset {
  /** In walk order; one deletion for a tree that was removed. */
  readonly changes: readonly TreeChange[];
  /** No layer is needed. */
  readonly isEmpty: boolean;
  /** Of both trees; and what is not told because it cannot be seen. */
  readonly notices: readonly Notice[];
  /** What {@link TreeChange.lower} counts in. */
  readonly lower: LayerIndex;
  /** What {@link TreeChange.upper} counts in. */
  readonly upper: LayerIndex;
  /**
   * The uncompressed tar of the layer (image-spec layer.md): the same bytes for the same changes, read from where the upper tree
   * lies. May be called several times.
   * @throws StrataError while it is read: `file-changed` when a file is not what it was when it was listed, as `changesetTar`
   */
  tar(options?: ChangesetOutput): AsyncIterable<Uint8Array>;
}

/**
 * The changeset that makes the upper tree out of the lower, by a walk over both (of nothing at all where there is no lower). What is
 * below a mount point of either side, which nobody can see, counts as unchanged.
 * @throws StrataError as `compareTrees`, and whatever reading files that have to be compared throws
 */
export async function createChangeset(
  lower: ListedTree | undefined,
  upper: ListedTree,
  options: CreateChangesetOptions = {},
): Promise<Changeset> {
  const below = lower ?? NOTHING;
  const all = await changesBetween(below, upper, options);
  const notices = [...below.notices, ...upper.notices];
  const changes = withoutHidden(all, notices);
  return changesetOf({ lower: below.index, upper, changes, notices });
}

/** What differs between two trees, whoever may see it. @throws StrataError as {@link createChangeset} */
export async function changesBetween(
  lower: ListedTree,
  upper: ListedTree,
  options: CreateChangesetOptions,
): Promise<readonly TreeChange[]> {
  return await compareTrees(lower.index, upper.index, {
    ...options,
    isSameContent: contentComparison({ lower, upper }),
    isTimeFresh: (l, u) => lower.isTimeFresh?.(l) === true || upper.isTimeFresh?.(u) === true,
  });
}

/** A changeset of changes that are known. */
export interface ChangesetInit {
  readonly lower: LayerIndex;
  readonly upper: ListedTree;
  readonly changes: readonly TreeChange[];
  readonly notices: readonly Notice[];
  /** What the tar is made of, where that is not the same: directories that are replaced hold no changes, all in them is new. */
  readonly written?: {
    readonly lower: LayerIndex;
    readonly changes: readonly TreeChange[];
    readonly opaque: ReadonlySet<ByteString>;
  };
}

/** @see ChangesetInit */
export function changesetOf({ lower, upper, changes, notices, written }: ChangesetInit): Changeset {
  return {
    changes,
    isEmpty: changes.length === 0,
    notices,
    lower,
    upper: upper.index,
    tar({ clampTime, pool } = {}) {
      const { listed, whiteouts } = differenceOf(upper, written?.changes ?? changes, written?.lower ?? lower);
      const codec = written === undefined ? whiteouts : withOpaque(whiteouts, written.opaque);
      return changesetTar(listed, codec, { keepOverlayXattrs: true, clampTime, pool });
    },
  };
}

/** Some directories hide, besides, all that lower layers have in them. */
function withOpaque(codec: WhiteoutCodec, opaque: ReadonlySet<ByteString>): WhiteoutCodec {
  return {
    ...codec,
    mayHaveMarkers: () => true,
    meaningOf(index, entry, place) {
      const meaning = codec.mayHaveMarkers(index) ? codec.meaningOf(index, entry, place) : "entry";
      const path = place.directory === "" ? place.name : `${place.directory}/${place.name}`;
      return meaning === "entry" && opaque.has(path) ? "opaque-directory" : meaning;
    },
  };
}

/** A mount hides what lies beneath, so a directory below it that seems to be new or gone is neither. */
function withoutHidden(changes: readonly TreeChange[], notices: readonly Notice[]): readonly TreeChange[] {
  const mounted = notices.filter(({ what }) => what === "mount-point").map(({ path }) => path);
  if (mounted.length === 0) return changes;
  return changes.filter(
    ({ kind, path }) =>
      !mounted.some((place) => (path === place ? kind !== "added" : path.startsWith(place === "" ? "" : `${place}/`))),
  );
}

const NOTHING: ListedTree = {
  index: new LayerIndexBuilder().finish(),
  notices: [],
  open: async () => {
    throw new RangeError("nothing has no files");
  },
};
