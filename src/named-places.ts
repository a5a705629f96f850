import type { Scratch } from "./content/index.ts";
import type { Held } from "./held.ts";
import type { ArtifactSource, ImageDestination } from "./image/index.ts";
import { type PlaceOptions, rootOf } from "./place-options.ts";
import { following, resolveName, STORE_PREFIX } from "./resolve-name.ts";
import { mayOnlyRead, sourceOptions } from "./source-options.ts";
import { openStore } from "./store/index.ts";
import { openArtifact, openDestination } from "./transport/index.ts";

/** Opens what a name leads to for copying, in the local store or elsewhere; `held` disposes it. */
export async function openNamedArtifact(
  name: string,
  held: Held,
  { options, scratch }: { readonly options: PlaceOptions; readonly scratch: Scratch },
): Promise<ArtifactSource> {
  const resolved = await resolveName(name, options.store);
  if (resolved.kind === "placed") {
    const sources = sourceOptions(options, scratch);
    return held.add(await following(name, resolved, () => openArtifact(resolved.name, sources)));
  }
  return await openStored(resolved.text, rootOf(name, options), held);
}

/** Protects what is read by a lease, where the user may write one. */
async function openStored(text: string, root: string, held: Held): Promise<ArtifactSource> {
  const open = async (isReadOnly: boolean): Promise<ArtifactSource> => {
    const store = held.add(await openStore(root, { isReadOnly }));
    return held.add(await store.openArtifact(text));
  };
  try {
    return await open(false);
  } catch (error) {
    if (!mayOnlyRead(error)) throw error;
    return await open(true);
  }
}

/** Opens a place for writing: `store:[NAME]`, or one of the room `transport`; `held` disposes it. */
export async function openNamedDestination(name: string, held: Held, options: PlaceOptions): Promise<ImageDestination> {
  const { registry, stdout, signal } = options;
  if (!name.startsWith(STORE_PREFIX)) return held.add(await openDestination(name, { registry, stdout, signal }));
  const store = held.add(await openStore(rootOf(name, options)));
  const inStore = name.slice(STORE_PREFIX.length);
  return held.add(await store.destination(inStore === "" ? undefined : inStore));
}
