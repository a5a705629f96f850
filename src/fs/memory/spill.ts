import type { ByteSource } from "../../base/index.ts";

/** Being written: bytes only go to the end. */
export interface SpillFile extends AsyncDisposable {
  /** Appends. One call at a time. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends the writing, once. Disposing the source frees the bytes. */
  finish(): Promise<ByteSource>;
}

/** The port to room for bytes that memory shall not hold; the `Scratch` of the room `content` fits. */
export interface Spill {
  create(): Promise<SpillFile>;
}
