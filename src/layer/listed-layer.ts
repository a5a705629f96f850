import type { ByteSource } from "../base/index.ts";
import type { SparseRun, TarEntry } from "../tar/index.ts";
import type { LayerIndex } from "./layer-index.ts";

/** Reads the files of a listing one after the other, best in the order of its entries. */
export interface FileReader<Entry = number> extends Disposable {
  /**
   * All data of the regular file at an entry without a promise: an array of one piece where that is all, else each piece is good
   * until the next one is taken, and the last until the next call. Undefined where {@link FileContents.open} does better: for files
   * that have holes, and where reading waits for something. Whoever implements it checks that the file has the listed size, as
   * `open` does.
   */
  read(entry: Entry): Iterable<Uint8Array> | undefined;
}

/** The data of files one by one, by what tells the entry of one. */
export interface FileContents<Entry> {
  /** Opens the data of the regular file at an entry; the caller disposes it. */
  open(entry: Entry): Promise<ByteSource>;
  /** The quick way for many files, which may keep something open between them; the caller disposes it. */
  reader?(): FileReader<Entry>;
  /**
   * Where the regular file at an entry has data, ascending; all else are holes. Undefined for a file without holes. Asked only
   * for what is written out, because looking costs time. Absent where no file has holes.
   */
  dataRuns?(entry: Entry): readonly SparseRun[] | undefined;
}

/**
 * The contents of a layer, or of a whole tree, that is no tar: the table of contents, and the data of files by their number
 * there.
 */
export interface ListedLayer extends FileContents<number> {
  readonly index: LayerIndex;
}

/** A whole tree that tells its entries one by one, so that one can be written before the next is known. */
export interface WalkedTree extends FileContents<TarEntry> {
  /** In walk order, as {@link ListedLayer} has them. */
  readonly entries: Iterable<TarEntry>;
}
