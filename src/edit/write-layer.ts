import { assertNotAborted, sliceSource } from "../base/index.ts";
import type { LocatedSource } from "../content/index.ts";
import type { LayerBlob } from "../image/index.ts";
import { createHasher, type Digest, MEDIA_TYPE } from "../oci/index.ts";
import { type CompressionFormat, compress } from "../tar/index.ts";
import type { EditContext } from "./edit-context.ts";
import { ScopedScratch } from "./scoped-scratch.ts";
import { type RecordedTar, TarRecorder } from "./tar-recorder.ts";

/** A layer that was made here. Its `tar` can be read at random and without waiting; do not dispose it. */
export interface WrittenLayer extends RecordedTar {
  /** For the `layers` of an image: `open` gives the uncompressed tar, `stored` the bytes of `descriptor`. */
  readonly source: LayerBlob;
}

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
  return writtenLayer(recorded, stored);
}

/** The stored bytes of a layer, where they are not its tar. */
export interface StoredLayer {
  readonly digest: Digest;
  readonly compression: Exclude<CompressionFormat, "none">;
  /** Belongs to the scratch. */
  readonly bytes: LocatedSource;
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

/** The layer of a tar that was recorded; without `stored` it is stored as the tar itself. */
export function writtenLayer(recorded: RecordedTar, stored: StoredLayer | undefined): WrittenLayer {
  const { tar, diffId } = recorded;
  const plain = { mediaType: MEDIA_TYPE.ociLayer, digest: diffId as string as Digest, size: tar.size };
  const common = {
    kind: "blob",
    diffId,
    open: async () => sliceSource(tar, 0, tar.size),
    location: tar.location,
    isContentAddressed: true,
  } as const;
  if (stored === undefined) {
    return { ...recorded, source: { ...common, name: diffId, descriptor: plain, published: plain } };
  }
  const { digest, compression, bytes } = stored;
  const mediaType = compression === "gzip" ? MEDIA_TYPE.ociLayerGzip : MEDIA_TYPE.ociLayerZstd;
  const descriptor = { mediaType, digest, size: bytes.size };
  const source: LayerBlob = {
    ...common,
    name: digest,
    descriptor,
    published: descriptor,
    tar: plain,
    stored: { isHere: true, open: async () => sliceSource(bytes, 0, bytes.size) },
  };
  return { ...recorded, source };
}
