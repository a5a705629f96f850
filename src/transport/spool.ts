import { assertNotAborted } from "../base/index.ts";
import type { LocatedSource, Scratch } from "../content/index.ts";
import { type DecompressOptions, decompress, SNIFF_LENGTH, sniffCompression } from "../tar/index.ts";

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
  const { head, whole } = await peek(stream);
  yield* decompress(whole, sniffCompression(head), expansion);
}

/** The first bytes of a stream, and the stream with them put back. */
async function peek(
  stream: AsyncIterable<Uint8Array>,
): Promise<{ head: Uint8Array; whole: AsyncIterable<Uint8Array> }> {
  const iterator = stream[Symbol.asyncIterator]();
  const held: Uint8Array[] = [];
  let length = 0;
  while (length < SNIFF_LENGTH) {
    const next = await iterator.next();
    if (next.done === true) break;
    held.push(next.value);
    length += next.value.length;
  }
  async function* whole(): AsyncGenerator<Uint8Array, void> {
    yield* held.splice(0);
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head: Buffer.concat(held), whole: whole() };
}
