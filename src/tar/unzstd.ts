import { Decompress } from "fzstd";
import { brokenCompression } from "./decompression-error.ts";

/**
 * Decompresses zstd: any number of frames, skippable ones (zstd:chunked) passed over.
 *
 * @throws `decompression-truncated` and `decompression-corrupt`; what the input throws comes through.
 */
export async function* unzstd(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let ready: Uint8Array[] = [];
  const progress = { input: 0, output: 0 };
  const decoder = new Decompress((chunk) => ready.push(chunk));
  const push = (chunk: Uint8Array, final: boolean): void => {
    try {
      decoder.push(chunk, final);
    } catch (error) {
      throw brokenCompression("zstd", final ? "truncated" : "corrupt", progress, error);
    }
  };
  for await (const chunk of input) {
    progress.input += chunk.length;
    push(chunk, false);
    for (const piece of ready) progress.output += piece.length;
    yield* ready;
    ready = [];
  }
  push(new Uint8Array(0), true);
  yield* ready;
}
