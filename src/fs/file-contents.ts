import type { ByteSource } from "../base/index.ts";

/**
 * The port to the bytes of files, the least that whoever holds the layers must provide.
 * Asked only for entries that are regular files with a size over 0; may be asked many times at once.
 */
export interface FileContents {
  /** Opens the content of an entry of a layer (both counted from 0). The caller disposes what it gets. */
  open(layer: number, entry: number): Promise<ByteSource>;
  /** {@link open} without waiting, with `readSync`; undefined where these bytes cannot be had without waiting. */
  openSync?(layer: number, entry: number): ByteSource | undefined;
}
