import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ByteSource, ByteString } from "../../base/index.ts";
import { createChangeset, directoryTree, type ListedTree, mergedTreeListing } from "../../changeset/index.ts";
import { fileError } from "../../content/index.ts";
import { upperDirectory } from "../../directory/index.ts";
import { type LayerIndex, ociWhiteouts, type WhiteoutCodec } from "../../layer/index.ts";
import { mergeLayers } from "../../union/index.ts";
import { filesOf, opaqueOf } from "../drivers/overlay/upper-places.ts";
import { needsUserXattrs } from "../drivers/overlay/user-xattrs.ts";
import { ownersOf } from "../drivers/owners-of.ts";
import { snapshotPlaces } from "../snapshot-places.ts";
import type { DriverName } from "../snapshotter.ts";
import { remainingChanges } from "./remaining-changes.ts";

/** A layer as it was published. */
export interface ExpectedLayer {
  readonly index: LayerIndex;
  /** Opens the data of a regular file; the caller disposes it. */
  open(entry: number): Promise<ByteSource>;
  /** {@link open} without waiting; undefined where that cannot be. */
  openSync?(entry: number): ByteSource | undefined;
}

/** The files of a committed snapshot. */
export interface ComparedSnapshot {
  /** Of all snapshots, as `openSnapshotter` takes it. */
  readonly root: string;
  readonly driver: DriverName;
  readonly id: string;
}

/** One path at which the files of a snapshot are not what its layers say. */
export interface SnapshotDifference {
  readonly kind: "added" | "modified" | "deleted";
  /** Clean; `""` is the root. */
  readonly path: ByteString;
  /** What differs, when it was modified. */
  readonly fields: readonly string[];
}

/**
 * Holds the directory of a snapshot against the layers of which it was made, the base first, its own last: names, metadata and
 * every byte of the files that the snapshot itself has. Drivers that mount the layers' tars have no directory, and differ in nothing.
 * What this user could not apply when it was made (foreign owners, attributes) is no difference.
 * @throws StrataError as `fileError` where the directory is gone or may not be read; as opening the layers does; `aborted`
 */
export async function compareWithLayers(
  snapshot: ComparedSnapshot,
  layers: readonly ExpectedLayer[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<readonly SnapshotDifference[]> {
  if (snapshot.driver === "erofs") return [];
  const places = snapshotPlaces(snapshot.root, snapshot.driver);
  const place = { id: snapshot.id, directory: join(places.data, snapshot.id) };
  const isRecorded =
    (await ownersOf(place).catch((error: unknown) => {
      throw fileError(error, place.directory);
    })) === "record";
  const expected = listingOf(layers.map(published));
  const found =
    snapshot.driver === "overlay"
      ? await shownByUpper(place, layers, { isTrustedOnly: !needsUserXattrs(places.root), signal: options.signal })
      : await directoryTree(join(place.directory, "fs"), { keepOverlayXattrs: true, signal: options.signal });
  const { changes } = await createChangeset(expected, found, { contents: "always", signal: options.signal });
  return remainingChanges(changes, { expected: expected.index, found: found.index, isRecorded });
}

interface UpperOptions {
  readonly isTrustedOnly: boolean;
  readonly signal: AbortSignal | undefined;
}

/** The tree in which an upper directory stands for the last layer: what lies below is the same on both sides, and never read. */
async function shownByUpper(
  place: { readonly id: string; readonly directory: string },
  layers: readonly ExpectedLayer[],
  { isTrustedOnly, signal }: UpperOptions,
): Promise<ListedTree> {
  const directory = upperDirectory(filesOf(place), "overlay", { isTrustedOnly });
  const upper = (await directory.load({ signal })) as ListedTree;
  const below = existsSync(opaqueOf(place)) ? [] : layers.slice(0, -1);
  return listingOf([
    ...below.map(published),
    {
      layer: { index: upper.index, open: (entry) => upper.open(entry), openSync: (entry) => openNow(upper, entry) },
      key: "directory",
      whiteouts: directory.whiteouts,
    },
  ]);
}

interface MergedLayer {
  readonly layer: ExpectedLayer;
  /** The same for the same layer in both trees. */
  readonly key: string;
  readonly whiteouts: WhiteoutCodec;
}

function published(layer: ExpectedLayer, number: number): MergedLayer {
  return { layer, key: `${number}`, whiteouts: ociWhiteouts };
}

function listingOf(layers: readonly MergedLayer[]): ListedTree {
  const tree = mergeLayers(
    layers.map(({ layer }) => layer.index),
    layers.map(({ whiteouts }) => whiteouts),
  );
  const at = (layer: number): MergedLayer => layers[layer] as MergedLayer;
  return mergedTreeListing(tree, {
    layerKey: (layer) => at(layer).key,
    open: (layer, entry) => at(layer).layer.open(entry),
    openSync: (layer, entry) => at(layer).layer.openSync?.(entry),
  });
}

/** A file of a listing as a source that can be read at once. */
function openNow(listed: ListedTree, entry: number): ByteSource | undefined {
  const file = listed.openSync?.(entry);
  if (file === undefined) return undefined;
  const readSync = (target: Uint8Array, offset: number): number => file.readSync(target, offset);
  const size = listed.index.columns.size[entry] as number;
  return {
    size,
    readSync,
    read: async (target, offset) => readSync(target, offset),
    async *stream({ start = 0, end = size } = {}) {
      const bytes = Buffer.alloc(Math.max(0, Math.min(end, size) - start));
      readSync(bytes, start);
      yield bytes;
    },
    async [Symbol.asyncDispose]() {
      file.close();
    },
  };
}
