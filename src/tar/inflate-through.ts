import type { Transform } from "node:stream";

/**
 * Writes the input through one of Node's decompressing streams and hands out what comes out. The input is read to its
 * end in any case, so that whoever verifies it sees all of it. What the input throws comes through unchanged;
 * what the stream throws goes through `translate`, with the bytes handed out so far.
 */
export async function* inflateThrough(
  input: AsyncIterable<Uint8Array>,
  stream: Transform,
  translate: (error: unknown, output: number) => unknown,
): AsyncGenerator<Uint8Array, void> {
  let inputError: unknown;
  let output = 0;
  const pumped = pump(input, stream).catch((error: unknown) => {
    inputError = error;
    stream.destroy();
  });
  try {
    for await (const chunk of stream) {
      output += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
    await pumped;
  } catch (error) {
    throw inputError ?? translate(error, output);
  } finally {
    stream.destroy();
    await pumped;
  }
  if (inputError !== undefined) throw inputError;
}

async function pump(input: AsyncIterable<Uint8Array>, stream: Transform): Promise<void> {
  for await (const chunk of input) {
    // Failed or abandoned: nobody wants the rest.
    if (stream.destroyed && !stream.readableEnded) return;
    // Ended: what follows is padding, taken only to reach the input's end.
    if (stream.readableEnded || chunk.length === 0) continue;
    if (!stream.write(chunk)) await untilWritable(stream);
  }
  if (!stream.destroyed) stream.end();
}

function untilWritable(stream: Transform): Promise<void> {
  return new Promise((resolve) => {
    const events = ["drain", "close", "end"] as const;
    const done = (): void => {
      for (const event of events) stream.off(event, done);
      resolve();
    };
    for (const event of events) stream.once(event, done);
  });
}
