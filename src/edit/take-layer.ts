import { assertNotAborted, StrataError } from "../base/index.ts";
import { createHasher } from "../oci/index.ts";
import { assertNotEmpty, type Compression, DEFAULT_EXPANSION_LIMITS, decompress, sniffStream } from "../tar/index.ts";
import type { EditContext } from "./edit-context.ts";
import { ScopedScratch } from "./scoped-scratch.ts";
import { TarRecorder } from "./tar-recorder.ts";
import { writeLayer } from "./write-layer.ts";
import { type WrittenLayer, writtenLayer } from "./written-layer.ts";

/**
 * Makes a layer of the bytes of a tar, compressed or not. What is compressed already stays so, bit for bit, whatever the
 * context says; all else is as {@link writeLayer}.
 * @throws StrataError as writeLayer; `tar-empty` where there is nothing at all; of decompression; `compression-unsupported` for what layers cannot be stored as
 */
export async function takeLayer(bytes: AsyncIterable<Uint8Array>, ctx: EditContext): Promise<WrittenLayer> {
  const { compression, whole } = await sniffStream(bytes);
  if (compression === "none") return await writeLayer(notEmpty(whole), ctx);
  if (compression !== "gzip" && compression !== "zstd") throw unsupported(compression);
  return await keepCompressed(whole, compression, ctx);
}

async function keepCompressed(
  bytes: AsyncIterable<Uint8Array>,
  compression: "gzip" | "zstd",
  ctx: EditContext,
): Promise<WrittenLayer> {
  await using scratch = new ScopedScratch(ctx.scratch);
  const [blob, hasher] = [await scratch.create(), createHasher()];
  const storing = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      assertNotAborted(ctx.signal);
      hasher.update(chunk);
      await blob.write(chunk);
      yield chunk;
    }
  };
  const recorder = new TarRecorder(await scratch.create());
  const tar = recorder.passing(notEmpty(decompress(storing(), compression, DEFAULT_EXPANSION_LIMITS)));
  for await (const _ of tar) assertNotAborted(ctx.signal);
  const recorded = await recorder.finish();
  const stored = { digest: hasher.digest(), compression, bytes: await blob.finish() };
  scratch.keep();
  const written = writtenLayer(recorded, stored);
  ctx.onLayer?.(written);
  return written;
}

async function* notEmpty(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of tar) {
    size += chunk.length;
    yield chunk;
  }
  assertNotEmpty(size);
}

function unsupported(compression: Compression): StrataError {
  return new StrataError({
    code: "compression-unsupported",
    kind: "unsupported",
    message: `A layer cannot be stored with ${compression}`,
    details: { compression },
    hint: "Decompress it first: it is compressed anew when it becomes a layer",
  });
}
