import { type Changeset, createChangeset, createOverlayChangeset, directoryTree } from "../../../changeset/index.ts";

/** What has been written on top of a chain. */
export interface WrittenUpper {
  readonly upper: string;
  /** Where the chain is mounted; undefined where nothing is below, and the directory no upper but a whole tree. */
  readonly lower: string | undefined;
}

/**
 * The changeset of an upper directory of overlayfs, on which nothing writes any more: files that were copied up and are as they
 * were are no part of it. Of a directory with nothing below, all of it.
 * @throws StrataError as `createOverlayChangeset`
 */
export async function upperChangeset(
  { upper, lower }: WrittenUpper,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Changeset> {
  if (lower !== undefined) {
    return await createOverlayChangeset({ lowers: [lower], upper }, { isTrustedOnly: true, signal });
  }
  return await createChangeset(undefined, await directoryTree(upper, { keepOverlayXattrs: true, signal }));
}
