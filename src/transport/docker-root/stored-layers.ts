import type { LayerSource, Skipped } from "../../image/index.ts";
import type { ResolvedOptions } from "../open-options.ts";
import { directoryLayer } from "../storage-driver/directory-layer.ts";
import { type DriverLayout, type LayerPlace, layerDirectory } from "../storage-driver/layer-directories.ts";
import { openSplitLayer } from "../storage-driver/split-layer.ts";
import { missingLayer } from "../storage-driver/storage-error.ts";
import type { StorageFiles } from "../storage-driver/storage-files.ts";
import type { StoredLayer } from "./layer-store.ts";

/** A data root as one driver has it. */
export interface DriverRoot {
  readonly files: StorageFiles;
  readonly layout: DriverLayout;
  readonly options: ResolvedOptions;
  /** Takes what must be disposed with the place. */
  hold(resource: AsyncDisposable): void;
}

/** Layers that are open, and where the topmost of them lies. */
export interface OpenedLayers {
  readonly layers: readonly LayerSource[];
  readonly skipped: readonly Skipped[];
  readonly top: LayerPlace | undefined;
}

/** Opens the layers of a chain, base first: from their journals, or from their directories where there is none. */
export async function openStoredLayers(root: DriverRoot, chain: readonly StoredLayer[]): Promise<OpenedLayers> {
  const layers: LayerSource[] = [];
  const skipped: Skipped[] = [];
  let below: LayerPlace | undefined;
  for (const stored of chain) {
    const { place, layer } = await openLayer(root, stored, below);
    layers.push(layer);
    if (layer.kind === "listing") skipped.push(withoutJournal(stored, layers.length - 1));
    below = place;
  }
  return { layers, skipped, top: below };
}

/** What `layers` tells of a directory of the driver: its name and its short name. */
export async function storageOf(
  { files, layout }: DriverRoot,
  place: LayerPlace,
  id: string,
): Promise<Readonly<Record<string, string>>> {
  const link = layout.linkOf && (await files.line(layout.linkOf(id), /^[A-Z0-9]{1,64}$/));
  return { "cache-id": id, ...(link && { link }), directory: place.path };
}

async function openLayer(
  root: DriverRoot,
  stored: StoredLayer,
  below: LayerPlace | undefined,
): Promise<{ place: LayerPlace; layer: LayerSource }> {
  const { files, layout, options } = root;
  const { cacheId: name, chainId, diffId, record } = stored;
  const place = layerDirectory(files, layout, name);
  if (place === undefined) {
    throw missingLayer(files.pathOf(layout.placesOf(name)[0]?.path ?? name), chainId, "is no directory");
  }
  const storage = { ...(await storageOf(root, place, name)), "chain-id": chainId };
  const journalName = `${record}/tar-split.json.gz`;
  const journal = await files.open(journalName);
  if (journal === undefined) return { place, layer: directoryLayer({ place, below, name, storage }) };
  const journalPath = files.pathOf(journalName);
  const init = { directory: place.path, journal, journalPath, name, diffId, storage };
  const layer = await openSplitLayer(init, options);
  root.hold(layer);
  return { place, layer: layer.blob };
}

function withoutJournal({ cacheId }: StoredLayer, number: number): Skipped {
  return {
    what: `the verification of layer ${number}`,
    reason: `there is no tar-split.json.gz for ${cacheId}; it was rebuilt as a changeset from the driver's directory, not bit for bit`,
  };
}
