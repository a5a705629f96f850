import type { ByteSource } from "../../base/index.ts";
import type { LayerBlob } from "../../image/index.ts";
import { type DiffId, MEDIA_TYPE } from "../../oci/index.ts";
import {
  decodeTarSplit,
  decompress,
  SNIFF_LENGTH,
  sniffCompression,
  type TarSplitJournal,
  tarSplitSource,
} from "../../tar/index.ts";
import type { ResolvedOptions } from "../open-options.ts";
import { confinedDirectory } from "./confined-directory.ts";

/** A layer that a container engine keeps unpacked, with the journal that makes a tar of it again. */
export interface SplitLayerInit {
  /** Directory with the layer's files. */
  readonly directory: string;
  /** The journal, compressed or not; disposed when it was read. */
  readonly journal: ByteSource;
  /** The journal's path, for messages. */
  readonly journalPath: string;
  readonly name: string;
  readonly diffId: DiffId;
  readonly storage: Readonly<Record<string, string>>;
}

/** A layer with the memory that it takes until it is disposed. */
export interface SplitLayer extends AsyncDisposable {
  readonly blob: LayerBlob;
}

/**
 * Reads the journal of a layer, which tells how long its tar is; the files are opened when the tar is read.
 *
 * @throws StrataError `tar-split-malformed`, `tar-split-too-large`, those of decompression
 */
export async function openSplitLayer(init: SplitLayerInit, options: ResolvedOptions): Promise<SplitLayer> {
  const { directory, name, diffId, storage } = init;
  const journal = await readJournal(init, options);
  const blob: LayerBlob = {
    kind: "blob",
    name,
    diffId,
    storage,
    descriptor: { mediaType: MEDIA_TYPE.dockerLayer, digest: undefined, size: journal.size },
    open: async () => tarSplitSource(journal, confinedDirectory(directory)),
  };
  return { blob, [Symbol.asyncDispose]: () => journal.segments[Symbol.asyncDispose]() };
}

async function readJournal(
  { journal, journalPath }: SplitLayerInit,
  { scratch, limits, signal }: ResolvedOptions,
): Promise<TarSplitJournal> {
  const segments = await scratch.create();
  try {
    await using source = journal;
    const head = new Uint8Array(SNIFF_LENGTH);
    const kind = sniffCompression(head.subarray(0, await source.read(head, 0)));
    const lines = decompress(source.stream(signal === undefined ? {} : { signal }), kind, limits.expansion);
    return await decodeTarSplit(lines, { what: journalPath, segments, signal });
  } catch (error) {
    await segments[Symbol.asyncDispose]();
    throw error;
  }
}
