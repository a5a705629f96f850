import { createGunzip, type Gunzip } from "node:zlib";
import { brokenCompression } from "./decompression-error.ts";

/** Output per call into zlib. Measured: larger is no faster, Node's 16 KiB are a third slower. */
const CHUNK_SIZE = 256 * 1024;

/**
 * Decompresses gzip: any number of members, each with its checksum verified; zeros after the last are padding.
 * The input is read to its end in any case, so that whoever verifies it sees all of it.
 *
 * @throws `decompression-truncated` and `decompression-corrupt`; what the input throws comes through.
 */
export async function* gunzip(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const zlib = createGunzip({ chunkSize: CHUNK_SIZE });
  let inputError: unknown;
  let output = 0;
  const pumped = pump(input, zlib).catch((error: unknown) => {
    inputError = error;
    zlib.destroy();
  });
  try {
    for await (const chunk of zlib) {
      output += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
    await pumped;
  } catch (error) {
    throw inputError ?? translate(error, { input: zlib.bytesWritten, output });
  } finally {
    zlib.destroy();
    await pumped;
  }
  if (inputError !== undefined) throw inputError;
}

async function pump(input: AsyncIterable<Uint8Array>, zlib: Gunzip): Promise<void> {
  for await (const chunk of input) {
    // Failed or abandoned: nobody wants the rest.
    if (zlib.destroyed && !zlib.readableEnded) return;
    // Ended: what follows is padding after the last member, taken only to reach the input's end.
    if (zlib.readableEnded || chunk.length === 0) continue;
    if (!zlib.write(chunk)) await untilWritable(zlib);
  }
  if (!zlib.destroyed) zlib.end();
}

function untilWritable(zlib: Gunzip): Promise<void> {
  return new Promise((resolve) => {
    const events = ["drain", "close", "end"] as const;
    const done = (): void => {
      for (const event of events) zlib.off(event, done);
      resolve();
    };
    for (const event of events) zlib.once(event, done);
  });
}

function translate(error: unknown, progress: { input: number; output: number }): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "Z_BUF_ERROR") return brokenCompression("gzip", "truncated", progress, error);
  return code?.startsWith("Z_") ? brokenCompression("gzip", "corrupt", progress, error) : error;
}
