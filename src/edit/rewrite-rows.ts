import type { ByteString } from "../base/index.ts";
import type { ImageLayer } from "../image/index.ts";
import { changesetTar, type LayerIndex, LayerIndexBuilder, type ListedLayer, noWhiteouts } from "../layer/index.ts";
import { END_OF_ARCHIVE, type TarEntry } from "../tar/index.ts";
import type { MergedNode } from "../union/index.ts";

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

/** Where the file that a row describes comes from; undefined for markers and further names. */
export function originOf({ node, linkTo }: LayerRow): EntryOrigin | undefined {
  return node === undefined || linkTo !== undefined ? undefined : { layer: node.layer, entry: node.entry };
}

/** Rows as a changeset, with the data of the image's layers. */
export function listRows(
  rows: readonly LayerRow[],
  layers: readonly Pick<ImageLayer, "index" | "open">[],
): ListedLayer {
  const builder = new LayerIndexBuilder();
  for (const row of rows) builder.add(entryOf(row, layers));
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
    dataRuns: (number) => {
      const { layer, entry } = placeOf(number);
      return layer.index.sparse(entry);
    },
  };
}

/** The entries of rows, to stand in the middle of a tar. None of them is a marker. */
export async function* tarBytesOf(
  rows: readonly LayerRow[],
  layers: readonly Pick<ImageLayer, "index" | "open">[],
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array = new Uint8Array();
  for await (const chunk of changesetTar(listRows(rows, layers), noWhiteouts, { keepOverlayXattrs: true })) {
    const whole = Buffer.concat([held, chunk]);
    const sure = Math.max(0, whole.length - END_OF_ARCHIVE.length);
    yield whole.subarray(0, sure);
    held = whole.subarray(sure);
  }
}

const NOBODY = {
  headerOffset: 0,
  dataOffset: 0,
  storedSize: 0,
  mode: 0o600,
  uid: 0,
  gid: 0,
  uname: "",
  gname: "",
  size: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  linkName: "",
  devMajor: 0,
  devMinor: 0,
};

function entryOf({ path, node, linkTo }: LayerRow, layers: readonly { readonly index: LayerIndex }[]): TarEntry {
  if (node === undefined) return { ...NOBODY, name: path, type: "file" };
  const { type, mode, uid, gid, mtime, xattrs, device } = node;
  const common = { ...NOBODY, name: path === "" ? "./" : path, mode, uid, gid, mtime };
  if (linkTo !== undefined) return { ...common, type: "hardlink", linkName: linkTo };
  const sparse = type === "file" ? layers[node.layer]?.index.sparse(node.entry) : undefined;
  return {
    ...common,
    type,
    size: type === "file" ? node.size : 0,
    linkName: node.linkTarget,
    devMajor: device.major,
    devMinor: device.minor,
    ...(xattrs.size > 0 && { xattrs }),
    ...(sparse && { sparse }),
  };
}
