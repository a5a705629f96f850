import { assertNotAborted, type ByteSource, type ByteString, sleep } from "../base/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import { entryContent } from "../tar/index.ts";
import type { MergedTree } from "../union/index.ts";
import { type ChunkMap, chunkLength } from "./chunk-map.ts";
import { dataNotInTar } from "./erofs-error.ts";
import { CHUNK_BYTES, ImageBuffer } from "./image-buffer.ts";
import { ImageLayout, type OmittedXattr } from "./image-layout.ts";
import { InodeWriter } from "./inode-writer.ts";
import { encodeSuperblock } from "./superblock.ts";
import { tableOf } from "./tree-table.ts";

/** Takes the image from its first byte to its last. A chunk passes to the sink; a promise is waited for. */
export interface ErofsSink {
  write(bytes: Uint8Array): void | Promise<void>;
}

/** How an EROFS image is written. */
export interface WriteErofsOptions {
  readonly sink: ErofsSink;
  /** 16 bytes, by which the same tree gives the same image. */
  readonly uuid: Uint8Array;
  /** At most 16 bytes; none by default. */
  readonly volumeName?: ByteString;
  /**
   * Whether `trusted.overlay.X` becomes `trusted.overlay.overlay.X`, which an overlay on top shows as `trusted.overlay.X`
   * again (Linux 6.7 and later); without it the overlay would obey and hide them. Wrong for an image that is mounted alone.
   */
  readonly escapeOverlay: boolean;
  /**
   * The uncompressed tar of a layer: asked only for files of which something has to be copied because it does not lie in
   * whole blocks of the tar, which sparse files may do, and the last file of a tar that was cut short. Disposed after use.
   */
  readonly openTar?: (layer: number) => Promise<ByteSource>;
  /** What to write beside a device, at most 64 bytes, for instance the hex of the layer's diffID; nothing by default. */
  readonly deviceTag?: (layer: number) => ByteString;
  readonly signal?: AbortSignal;
}

/** What was written. */
export interface ErofsImage {
  /** Length: a multiple of 512. */
  readonly bytes: number;
  readonly inodes: number;
  /**
   * The layers whose tars are the devices, in the order in which the kernel wants them (`device=` for each; a layer
   * that no file's data is in is none).
   */
  readonly deviceLayers: readonly number[];
  /** Paths with attributes of overlayfs (`trusted.overlay.*`), escaped or not. */
  readonly overlayMarked: readonly ByteString[];
  /** Paths of character devices 0:0, which an overlay on top takes for whiteouts. */
  readonly whiteoutDevices: readonly ByteString[];
  readonly omittedXattrs: readonly OmittedXattr[];
}

/** Rows that are laid out before others get a turn. */
const ROWS_AT_ONCE = 200_000;
/** Chunks that are written before others get a turn. */
const CHUNKS_AT_ONCE = 8;

/**
 * Writes a merged tree as an EROFS image with blocks of 512 bytes that holds everything but the files' data: that stays
 * in the layers' uncompressed tars, which are the devices of the image. The bytes depend on the tree and the options only.
 *
 * @throws StrataError `erofs-too-large` (unsupported), `erofs-unrepresentable` (unsupported: a name, link target or
 *   set of attributes that Linux cannot hold), `erofs-data-not-in-tar` (failed-precondition), `invalid-erofs-name`,
 *   `aborted`, and whatever the sink and the tars throw
 */
export async function writeErofs(tree: MergedTree, options: WriteErofsOptions): Promise<ErofsImage> {
  const layout = new ImageLayout(tableOf(tree), options.escapeOverlay);
  await inTurns(layout.table.count, options.signal, (from, to) => layout.survey(from, to));
  layout.endSurvey();
  await inTurns(layout.table.count, options.signal, (from, to) => layout.place(from, to));
  layout.finish(options.deviceTag ?? (() => ""));
  await writeLayout(layout, options);
  const { bytes, inodes, deviceLayers, overlayMarked, whiteoutDevices, omittedXattrs } = layout;
  return { bytes, inodes, deviceLayers, overlayMarked, whiteoutDevices, omittedXattrs };
}

async function inTurns(
  count: number,
  signal: AbortSignal | undefined,
  run: (from: number, to: number) => void,
): Promise<void> {
  for (let from = 0; from < count; from += ROWS_AT_ONCE) {
    assertNotAborted(signal);
    if (from > 0) await sleep(0, signal);
    run(from, Math.min(count, from + ROWS_AT_ONCE));
  }
}

async function writeLayout(layout: ImageLayout, options: WriteErofsOptions): Promise<void> {
  const buffer = new ImageBuffer();
  buffer.append(encodeSuperblock(layout.superblock(options.uuid, options.volumeName ?? "")));
  const output = { layout, buffer, options, written: 0 };
  const writer = new InodeWriter(layout, buffer);
  for (let row = 0; row < layout.table.count; ) {
    row = writer.write(row);
    await drain(output);
  }
  buffer.skipTo(layout.sharedXattrsAt);
  if (layout.xattrs.sharedBytes > 0) buffer.append(layout.xattrs.encodeShared());
  buffer.skipTo(layout.copiedAt);
  for (const [row, { map }] of layout.sparse) if (map.copiedBytes > 0) await copyChunks(output, row, map);
  buffer.skipTo(layout.bytes);
  for (const chunk of buffer.finish()) await options.sink.write(chunk);
}

interface Output {
  readonly layout: ImageLayout;
  readonly buffer: ImageBuffer;
  readonly options: WriteErofsOptions;
  /** Chunks so far. */
  written: number;
}

async function drain(output: Output): Promise<void> {
  const { sink, signal } = output.options;
  for (const chunk of output.buffer.takeFull()) {
    assertNotAborted(signal);
    await sink.write(chunk);
    if (++output.written % CHUNKS_AT_ONCE === 0) await sleep(0, signal);
  }
}

/** Puts those chunks of a sparse file into the image that have no place in the tar of their own. */
async function copyChunks(output: Output, row: number, map: ChunkMap): Promise<void> {
  const { layout, buffer, options } = output;
  const { table } = layout;
  const layer = table.layer[row] as number;
  if (options.openTar === undefined)
    throw dataNotInTar(table, row, "its data does not lie in blocks of the layer's tar");
  await using tar = await options.openTar(layer);
  const content = contentOf(tar, table.layers[layer] as LayerIndex, table.entry[row] as number);
  for (const { kind, first, count } of map.runs) {
    if (kind !== "copied") continue;
    const start = first * 2 ** map.chunkBits;
    const last = first + count - 1;
    const end = last * 2 ** map.chunkBits + chunkLength(last, map.chunkBits, content.size);
    for (let at = start; at < end; at += CHUNK_BYTES) {
      // What lies behind the end of the file stays zero.
      const piece = new Uint8Array(Math.min(CHUNK_BYTES, end - at));
      await content.read(piece, at);
      buffer.append(piece);
      await drain(output);
    }
  }
}

function contentOf(tar: ByteSource, index: LayerIndex, entry: number): ByteSource {
  const sparse = index.sparse(entry);
  const size = index.columns.size[entry] as number;
  const storedSize = sparse?.reduce((sum, { length }) => sum + length, 0) ?? size;
  return entryContent(tar, { dataOffset: index.columns.dataOffset[entry] as number, storedSize, size, sparse });
}
