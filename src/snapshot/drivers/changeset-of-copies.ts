import { type Changeset, createChangeset, directoryTree } from "../../changeset/index.ts";

/** The changeset of a snapshot that is a whole tree, as its parent is. @param parent undefined where there is none */
export async function changesetOfCopies(
  parent: string | undefined,
  root: string,
  { signal }: { readonly signal?: AbortSignal | undefined },
): Promise<Changeset> {
  const options = { keepOverlayXattrs: true, signal };
  const lower = parent === undefined ? undefined : await directoryTree(parent, options);
  return await createChangeset(lower, await directoryTree(root, options), { signal });
}
