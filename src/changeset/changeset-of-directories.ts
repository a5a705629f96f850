import { statSync } from "node:fs";
import { type Changeset, type CreateChangesetOptions, createChangeset } from "./create-changeset.ts";
import { type DirectoryTreeOptions, directoryTree } from "./directory-tree.ts";
import { tryOverlayChangeset } from "./overlay/create-overlay-changeset.ts";
import { overlayMountAt } from "./overlay/overlay-mount-at.ts";

/** How two directories are compared. */
export type ChangesetOfDirectoriesOptions = CreateChangesetOptions & DirectoryTreeOptions;

/**
 * The changeset that makes one directory out of another. Where the upper is an overlay mounted on just the lower, only what was
 * written to it is read.
 * @throws StrataError as {@link createChangeset} and `directoryTree`
 */
export async function changesetOfDirectories(
  lower: string,
  upper: string,
  options: ChangesetOfDirectoriesOptions = {},
): Promise<Changeset> {
  const native = await changesetOfMount(lower, upper, options);
  if (native !== undefined) return native;
  return await createChangeset(await directoryTree(lower, options), await directoryTree(upper, options), options);
}

async function changesetOfMount(
  lower: string,
  upper: string,
  options: ChangesetOfDirectoriesOptions,
): Promise<Changeset | undefined> {
  const mounted = overlayMountAt(upper);
  if (mounted === undefined || mounted.lowers.length !== 1 || !isSameDirectory(mounted.lowers[0] as string, lower)) {
    return undefined;
  }
  return await tryOverlayChangeset(mounted, { ...options, ...mounted.dialect });
}

function isSameDirectory(a: string, b: string): boolean {
  const [x, y] = [a, b].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }));
  return x !== undefined && y !== undefined && x.dev === y.dev && x.ino === y.ino;
}
