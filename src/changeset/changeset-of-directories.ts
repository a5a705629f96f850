import { type Changeset, type CreateChangesetOptions, createChangeset } from "./create-changeset.ts";
import { type DirectoryTreeOptions, directoryTree } from "./directory-tree.ts";

/**
 * The changeset that makes one directory out of another.
 * @param lower undefined for nothing at all
 * @throws StrataError as {@link createChangeset} and `directoryTree`
 */
export async function changesetOfDirectories(
  lower: string | undefined,
  upper: string,
  options: CreateChangesetOptions & DirectoryTreeOptions = {},
): Promise<Changeset> {
  const below = lower === undefined ? undefined : await directoryTree(lower, options);
  return await createChangeset(below, await directoryTree(upper, options), options);
}
