import { assertNotAborted } from "../base/index.ts";
import type { LocatedSource, Scratch } from "../content/index.ts";
import { type DecompressOptions, decompress, sniffStream } from "../tar/index.ts";

/** Writes a stream, decompressed when it is compressed, into temporary space, to be read at random. */
export async function spool(
  stream: AsyncIterable<Uint8Array>,
  scratch: Scratch,
  options: { readonly expansion?: DecompressOptions | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<LocatedSource> {
  const file = await scratch.create();
  try {
    for await (const chunk of unpacked(stream, options.expansion)) {
      assertNotAborted(options.signal);
      await file.write(chunk);
    }
    return await file.finish();
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

async function* unpacked(
  stream: AsyncIterable<Uint8Array>,
  expansion: DecompressOptions | undefined,
): AsyncGenerator<Uint8Array, void> {
  const { compression, whole } = await sniffStream(stream);
  yield* decompress(whole, compression, expansion);
}
