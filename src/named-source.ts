import type { Scratch } from "./content/index.ts";
import type { Held } from "./held.ts";
import { DEFAULT_SOURCE_LIMITS, type ImageSource, type Limits } from "./image/index.ts";
import { type PlaceOptions, platformChoice, rootOf } from "./place-options.ts";
import { following, resolveName } from "./resolve-name.ts";
import { mayOnlyRead, sourceOptions } from "./source-options.ts";
import { openStore, type Store } from "./store/index.ts";
import { openSource } from "./transport/index.ts";

/** The documents of an image that was found by its name. */
export interface NamedSource {
  readonly source: ImageSource;
  /** The local store, where the image is in it. */
  readonly store: Store | undefined;
}

/** How an image is opened by its name. */
export interface NamedSourceInit {
  readonly options: PlaceOptions;
  readonly scratch: Scratch;
  readonly limits: Limits;
  /** The local store, where it is open already; else it is opened for reading. */
  readonly store?: Store | undefined;
  /** Protect what is in the store from the collection of garbage, as far as one may write there: reading will take a while. */
  readonly isEdited?: boolean | undefined;
}

/** Opens an image in the local store or elsewhere; `held` disposes it. */
export async function openNamedSource(name: string, held: Held, init: NamedSourceInit): Promise<NamedSource> {
  const { options, scratch, limits } = init;
  const resolved = await resolveName(name, init.store ?? options.store);
  const expansion = { maxBytes: limits.maxLayerBytes, maxExpansion: limits.maxExpansion };
  const sources = { ...sourceOptions(options, scratch), limits: { expansion } };
  if (resolved.kind === "placed") {
    const source = held.add(await following(name, resolved, () => openSource(resolved.name, sources)));
    return { source, store: undefined };
  }
  const choice = platformChoice(options, { ...DEFAULT_SOURCE_LIMITS, expansion });
  const open = async (store: Store): Promise<NamedSource> => {
    return { source: held.add(await store.openImage(resolved.text, choice)), store };
  };
  if (init.store !== undefined) return await open(init.store);
  const openFor = async (isReadOnly: boolean): Promise<NamedSource> =>
    await open(held.add(await openStore(rootOf(name, options), { isReadOnly, remembersIndexes: true })));
  if (init.isEdited !== true) return await openFor(true);
  try {
    return await openFor(false);
  } catch (error) {
    if (!mayOnlyRead(error)) throw error;
    return await openFor(true);
  }
}
