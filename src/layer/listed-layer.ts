import type { ByteSource } from "../base/index.ts";
import type { SparseRun } from "../tar/index.ts";
import type { LayerIndex } from "./layer-index.ts";

/** Reads small files of a listing, best in the order of its entries. */
export interface SmallFileReader extends Disposable {
  /**
   * All data of the regular file at entry number `entry`, at once and without a promise; good until the next call. Undefined where
   * {@link ListedLayer.open} does better: for files that are large (beyond some 256 KiB) or have holes, and where reading waits for
   * something. Whoever implements it checks that the file has the listed size, as `open` does.
   */
  read(entry: number): Uint8Array | undefined;
}

/** The contents of a layer, or of a whole tree, that is no tar: the table of contents, and the data of files one by one. */
export interface ListedLayer {
  readonly index: LayerIndex;
  /** Opens the data of the regular file at the index's entry number `entry`; the caller disposes it. */
  open(entry: number): Promise<ByteSource>;
  /** The quick way for small files, which may keep something open between them; the caller disposes it. */
  reader?(): SmallFileReader;
  /**
   * Where the regular file at entry number `entry` has data, ascending; all else are holes. Undefined for a file without holes.
   * Asked only for what is written out, because looking costs time. Absent where no file has holes.
   */
  dataRuns?(entry: number): readonly SparseRun[] | undefined;
}
