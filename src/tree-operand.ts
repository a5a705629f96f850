import { directoryTree, type ListedTree, mergedTreeListing } from "./changeset/index.ts";
import type { Held } from "./held.ts";
import type { OpenImageOptions } from "./open-documents.ts";
import { openImage } from "./open-image.ts";
import { leadsToTree } from "./transport/index.ts";

/** What a directory on this machine is called, where it must be nothing else. */
const DIRECTORY_PREFIX = "dir:";

/** A whole tree by its name: a directory that is no image, else any image; `held` disposes what it stands on. */
export async function openTree(name: string, held: Held, options: OpenImageOptions): Promise<ListedTree> {
  const { signal } = options;
  if (await leadsToTree(name)) return await directoryTree(name, { signal });
  const isNamed = name.startsWith(DIRECTORY_PREFIX) && (await leadsToTree(name.slice(DIRECTORY_PREFIX.length)));
  if (isNamed) return await directoryTree(name.slice(DIRECTORY_PREFIX.length), { signal });
  const image = held.add(await openImage(name, { ...options, spool: "eager" }));
  const { layers, tree } = image;
  return mergedTreeListing(tree, {
    open: async (layer, entry) => await (layers[layer] as (typeof layers)[number]).open(entry),
    openSync: (layer, entry) => layers[layer]?.openSync(entry),
    layerKey: (layer) => layers[layer]?.diffId,
  });
}
