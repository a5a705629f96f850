import { assertNotAborted } from "../base/index.ts";
import { createHasher } from "../oci/index.ts";
import { compress } from "../tar/index.ts";
import type { EditContext } from "./edit-context.ts";
import { ScopedScratch } from "./scoped-scratch.ts";
import { TarRecorder } from "./tar-recorder.ts";
import { type StoredLayer, type WrittenLayer, writtenLayer } from "./written-layer.ts";

/**
 * Makes a layer of an uncompressed tar, in one pass: its diffID, its table of contents, the tar in the scratch and the
 * compressed blob in the scratch with its digest. The same tar with the same compression and level is the same layer.
 *
 * When it fails nothing stays in the scratch.
 * @throws StrataError of kind malformed (no tar), hostile (`planChangeset`); of the scratch; `aborted`; what the tar throws
 */
export async function writeLayer(tar: AsyncIterable<Uint8Array>, ctx: EditContext): Promise<WrittenLayer> {
  await using scratch = new ScopedScratch(ctx.scratch);
  const recorder = new TarRecorder(await scratch.create());
  const stored = await storeCompressed(recorder.passing(tar), scratch, ctx);
  const recorded = await recorder.finish();
  scratch.keep();
  const written = writtenLayer(recorded, stored);
  ctx.onLayer?.(written);
  return written;
}

async function storeCompressed(
  tar: AsyncIterable<Uint8Array>,
  scratch: ScopedScratch,
  { compression = "gzip", level, cores = 1, signal }: EditContext,
): Promise<StoredLayer | undefined> {
  if (compression === "none") {
    for await (const _ of tar) assertNotAborted(signal);
    return undefined;
  }
  const file = await scratch.create();
  const hasher = createHasher();
  const packed = compress(tar, compression, {
    // Twice as many blocks as processors: while one is taken and hashed, the others keep the processors busy.
    concurrency: 2 * cores,
    ...(signal && { signal }),
    ...(level === undefined ? {} : { level }),
  });
  for await (const chunk of packed) {
    hasher.update(chunk);
    await file.write(chunk);
  }
  return { digest: hasher.digest(), compression, bytes: await file.finish() };
}
