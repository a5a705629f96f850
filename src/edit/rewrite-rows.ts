import type { ByteString } from "../base/index.ts";
import type { ImageLayer } from "../image/index.ts";
import { changesetTar, LayerIndexBuilder, type ListedLayer, noWhiteouts } from "../layer/index.ts";
import { END_OF_ARCHIVE, looseEntry, type TarEntry } from "../tar/index.ts";
import { entryOfNode, type MergedNode } from "../union/index.ts";

/** One entry of a layer that is being made. */
export interface LayerRow {
  readonly path: ByteString;
  /** What lies there, taken from the image before; absent for a marker. */
  readonly node?: MergedNode;
  /** The path of another name of the node, for a hardlink. */
  readonly linkTo?: ByteString;
}

/** Where a file comes from: an entry of a layer of the image before; -1 for an implied directory. */
export interface EntryOrigin {
  readonly layer: number;
  readonly entry: number;
}

/** Up to this size one synchronous read costs less than setting up a stream, many thousand times. */
const SMALL_FILE = 256 * 1024;
const MARKER_MODE = 0o600;

/** Where the file that a row describes comes from; undefined for markers and further names. */
export function originOf({ node, linkTo }: LayerRow): EntryOrigin | undefined {
  return node === undefined || linkTo !== undefined ? undefined : { layer: node.layer, entry: node.entry };
}

/** Rows as a changeset, with the data of the image's layers. */
export function listRows(
  rows: readonly LayerRow[],
  layers: readonly Pick<ImageLayer, "index" | "open" | "openSync">[],
): ListedLayer {
  const builder = new LayerIndexBuilder();
  for (const row of rows) builder.add(entryOf(row));
  const placeOf = (number: number): { readonly layer: ImageLayer; readonly entry: number } => {
    const { layer, entry } = (rows[number] as LayerRow).node as MergedNode;
    return { layer: layers[layer] as ImageLayer, entry };
  };
  return {
    index: builder.finish(),
    open: async (number) => {
      const { layer, entry } = placeOf(number);
      return await layer.open(entry);
    },
    reader: () => ({
      read: (number) => {
        const { layer, entry } = placeOf(number);
        const bytes = readSmall(layer, entry);
        return bytes && [bytes];
      },
      [Symbol.dispose]: () => {},
    }),
    dataRuns: (number) => {
      const { layer, entry } = placeOf(number);
      return layer.index.sparse(entry);
    },
  };
}

/** All data of a small file without holes that can be had without waiting. */
function readSmall(layer: Pick<ImageLayer, "index" | "openSync">, entry: number): Uint8Array | undefined {
  const { index } = layer;
  if ((index.columns.size[entry] as number) > SMALL_FILE || index.sparse(entry) !== undefined) return undefined;
  const source = layer.openSync(entry);
  if (source?.readSync === undefined) return undefined;
  const bytes = new Uint8Array(source.size);
  return source.readSync(bytes, 0) === bytes.length ? bytes : undefined;
}

/** The entries of rows, to stand in the middle of a tar. None of them is a marker. */
export async function* tarBytesOf(
  rows: readonly LayerRow[],
  layers: readonly Pick<ImageLayer, "index" | "open" | "openSync">[],
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array = new Uint8Array();
  for await (const chunk of changesetTar(listRows(rows, layers), noWhiteouts, { keepOverlayXattrs: true })) {
    const whole = Buffer.concat([held, chunk]);
    const sure = Math.max(0, whole.length - END_OF_ARCHIVE.length);
    yield whole.subarray(0, sure);
    held = whole.subarray(sure);
  }
}

function entryOf({ path, node, linkTo }: LayerRow): TarEntry {
  return node === undefined ? looseEntry(path, "file", { mode: MARKER_MODE }) : entryOfNode(node, path, linkTo);
}
