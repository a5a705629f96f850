import {
  type Changeset,
  type CreateChangesetOptions,
  changesBetween,
  changesetOf,
  createChangeset,
} from "../create-changeset.ts";
import { overlayPair } from "./overlay-pair.ts";
import type { OverlayDialect, OverlayPlace } from "./overlay-place.ts";
import { overlayTree } from "./overlay-tree.ts";

/** How the changeset of an overlay is made. */
export interface OverlayChangesetOptions extends CreateChangesetOptions, OverlayDialect {}

/**
 * The changeset that an overlay wrote into its upper directory. Nothing is mounted, and only what the upper touches is read:
 * files that were copied up and not changed are left out, and marks that hide nothing. Where directories were renamed
 * (`redirect_dir`), or only metadata copied up (`metacopy`), the trees before and after are walked instead.
 *
 * The overlay may be mounted, as long as nobody writes to it.
 * @throws StrataError as {@link createChangeset} and {@link overlayTree}
 */
export async function createOverlayChangeset(
  place: OverlayPlace,
  options: OverlayChangesetOptions = {},
): Promise<Changeset> {
  const native = await tryOverlayChangeset(place, options);
  if (native !== undefined) return native;
  const { lowers } = place;
  return await createChangeset(await overlayTree({ lowers }, options), await overlayTree(place, options), options);
}

/** {@link createOverlayChangeset}, undefined where the upper does not say all by itself. */
export async function tryOverlayChangeset(
  place: OverlayPlace,
  options: OverlayChangesetOptions = {},
): Promise<Changeset | undefined> {
  const pair = await overlayPair(place, options);
  if (pair === undefined) return undefined;
  // Few files, and copied up because somebody wrote to them: times prove less than bytes.
  const comparing = { contents: "always", ...options } as const;
  const { lower, upper, kept, replaced } = pair;
  const changes = await changesBetween(lower, upper, comparing);
  const init = { lower: lower.index, upper, changes, notices: upper.notices };
  if (replaced.size === 0) return changesetOf(init);
  const written = { lower: kept.index, changes: await changesBetween(kept, upper, comparing), opaque: replaced };
  return changesetOf({ ...init, written });
}
