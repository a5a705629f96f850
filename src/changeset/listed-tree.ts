import type { Notice } from "../directory/index.ts";
import type { ListedLayer } from "../layer/index.ts";

/** A file that is open for reading without waiting. Whoever opened it closes it. */
export interface ReadableFile {
  /** Fills `target` from `offset`; fewer bytes only at the end of the file. @returns bytes read */
  readSync(target: Uint8Array, offset: number): number;
  close(): void;
}

/** A whole tree, listed in walk order (`ListedLayer`), that another one may be compared with. */
export interface ListedTree extends ListedLayer {
  /** What the listing does not tell as it is, in walk order. */
  readonly notices: readonly Notice[];
  /**
   * Names the bytes of the regular file at an entry: two of one key, in any two trees, are never read to see whether they are
   * the same. Undefined where nobody can tell. Absent where that is so for all.
   */
  contentKey?(entry: number): string | undefined;
  /**
   * Whether the time of the regular file at an entry is the clock's, which ticks coarsely: another file of that time may have other
   * bytes. Absent where no time is.
   */
  isTimeFresh?(entry: number): boolean;
  /** Opens the regular file at an entry at once; undefined where that means waiting. Absent where it always does. */
  openSync?(entry: number): ReadableFile | undefined;
}
