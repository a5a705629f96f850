import type { ByteSource } from "../../base/index.ts";
import type { LocatedSource, Scratch } from "../../content/index.ts";
import { createHasher, verifyStream } from "../../oci/index.ts";
import { compress, type DecompressOptions, decompress } from "../../tar/index.ts";
import type { ArtifactBlobs } from "./artifact-blobs.ts";
import type { PlannedBlob } from "./plan-blobs.ts";
import type { Conversion } from "./plan-conversions.ts";
import type { ReplacedLayer } from "./rewrite-document.ts";

/** How layers are compressed anew. */
export interface RecompressOptions {
  readonly scratch: Scratch;
  readonly level: number | undefined;
  readonly cores: number;
  readonly expansion: DecompressOptions;
  readonly signal: AbortSignal;
  /** Bytes of the stored layer that were read. */
  readonly onProgress: (bytes: number) => void;
}

/**
 * Compresses a layer anew, into temporary space, since its new digest and size must be known before anybody takes it.
 * In the same pass the stored bytes are held against the descriptor and the tar against its diffID.
 * The caller disposes the source.
 */
export async function recompressLayer(
  blobs: ArtifactBlobs,
  { descriptor, conversion }: ConvertedBlob,
  options: RecompressOptions,
): Promise<ReplacedLayer & { readonly source: LocatedSource }> {
  const { scratch, level, cores, signal } = options;
  const { digest } = descriptor;
  const { compression, diffId } = conversion;
  const stored = await openStored(blobs, { descriptor, conversion });
  await using _ = stored;
  const read = counted(stored.stream({ signal }), options.onProgress);
  const tar = verifyStream(uncompressed(read, { descriptor, conversion }, options.expansion), {
    digest: diffId,
    what: `uncompressed tar of layer ${digest}`,
  });
  // Twice as many blocks as processors: while one is taken and hashed, the others keep the processors busy.
  const packed = compress(tar, compression, {
    concurrency: 2 * cores,
    signal,
    ...(level === undefined ? {} : { level }),
  });
  return { ...(await spoolHashed(packed, scratch)), compression };
}

type ConvertedBlob = Pick<PlannedBlob, "descriptor"> & { readonly conversion: Conversion };

async function openStored(blobs: ArtifactBlobs, { descriptor, conversion }: ConvertedBlob): Promise<ByteSource> {
  const tar = conversion.from === "tar" ? await blobs.openLayerTar(descriptor, conversion.diffId) : undefined;
  return tar ?? (await blobs.openBlob(descriptor));
}

function uncompressed(
  stored: AsyncIterable<Uint8Array>,
  { descriptor: { digest, size }, conversion: { from } }: ConvertedBlob,
  expansion: DecompressOptions,
): AsyncIterable<Uint8Array> {
  if (from === "tar") return stored;
  return decompress(verifyStream(stored, { digest, size, what: `layer ${digest}` }), from, expansion);
}

/** Bytes in temporary space with their digest and length. The caller disposes the source. */
async function spoolHashed(
  chunks: AsyncIterable<Uint8Array>,
  scratch: Scratch,
): Promise<Pick<ReplacedLayer, "digest" | "size"> & { readonly source: LocatedSource }> {
  const file = await scratch.create();
  try {
    const hasher = createHasher();
    for await (const chunk of chunks) {
      hasher.update(chunk);
      await file.write(chunk);
    }
    const source = await file.finish();
    return { source, digest: hasher.digest(), size: source.size };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  onProgress: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    yield chunk;
    onProgress(bytes);
  }
}
