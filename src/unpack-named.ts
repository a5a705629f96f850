import type { Held } from "./held.ts";
import { DEFAULT_SOURCE_LIMITS } from "./image/index.ts";
import { platformChoice, rootOf } from "./place-options.ts";
import { resolveName } from "./resolve-name.ts";
import type { Snapshotter } from "./snapshot/index.ts";
import { openStore, type Store } from "./store/index.ts";
import { findUnpacked, type UnpackedImage } from "./unpack/index.ts";
import type { UnpackNamedOptions, UnpackPlace } from "./unpack-place.ts";

/** An image whose chain of snapshots is in the local store. */
export interface UnpackedNamed extends UnpackedImage {
  readonly store: Store;
  readonly snapshotter: Snapshotter;
}

/** Unpacks an image, wherever it lives, into the snapshots of the local store; `held` disposes what it opens. */
export async function unpackNamed(name: string, held: Held, options: UnpackNamedOptions): Promise<UnpackedNamed> {
  const store = held.add(await openStore(rootOf(name, options)));
  const snapshotter = await store.snapshotter({ driver: options.snapshotter });
  const place = { options, store, snapshotter };
  const unpacked = (await findInStore(name, held, place)) ?? (await unpackElse(name, held, place));
  return { ...unpacked, store, snapshotter };
}

/** The image, when the store has it and it is unpacked: its layers are not opened. */
async function findInStore(
  name: string,
  held: Held,
  { options, store, snapshotter }: UnpackPlace,
): Promise<UnpackedImage | undefined> {
  const resolved = await resolveName(name, store);
  if (resolved.kind !== "stored") return undefined;
  const chain = await store.chain(resolved.text, platformChoice(options, DEFAULT_SOURCE_LIMITS));
  const lease = held.add(await store.lease());
  const { content } = store;
  const leased = { lease: lease.add.bind(lease), content, snapshotter, onEvent: options.onUnpack };
  return await findUnpacked(chain, leased);
}

/** What that takes is loaded only here: most mounts do without. */
async function unpackElse(name: string, held: Held, place: UnpackPlace): Promise<UnpackedImage> {
  const { unpackSource } = await import("./unpack-source.ts");
  return await unpackSource(name, held, place);
}
