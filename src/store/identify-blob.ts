import { type ByteSource, readAll, StrataError } from "../base/index.ts";
import { DEFAULT_LIMITS } from "../image/index.ts";
import { algorithmOf, createHasher, type DiffId, type Digest, digestStream, type Hasher } from "../oci/index.ts";
import { decompress, SNIFF_LENGTH, sniffCompression } from "../tar/index.ts";

/** What the bytes of a blob turned out to be. */
export interface Identity {
  readonly digest: Digest;
  /** Those of the claimed diffIDs that are right. */
  readonly diffIds: readonly DiffId[];
  /** Why a layer could not be decompressed. */
  readonly trouble?: StrataError;
}

/** What is asked about a blob. */
export interface IdentifyOptions {
  readonly digest: Digest;
  readonly claimed: readonly DiffId[];
  readonly signal: AbortSignal | undefined;
  /** Told how many bytes of the blob have been read. */
  readonly onBytes: (read: number) => void;
}

/** One pass over the bytes; a second one only where a layer cannot be decompressed, to know whose fault that is. */
export async function identifyBlob(source: ByteSource, options: IdentifyOptions): Promise<Identity> {
  const { digest, claimed } = options;
  const stream = (): AsyncIterable<Uint8Array> => counting(source, options);
  const algorithm = algorithmOf(digest);
  if (claimed.length === 0) return { digest: (await digestStream(stream(), algorithm)).digest, diffIds: [] };
  const stored = createHasher(algorithm);
  const inside = claimed.map((diffId) => createHasher(algorithmOf(diffId)));
  const compression = sniffCompression(await readAll(source, { end: SNIFF_LENGTH }));
  const { maxLayerBytes: maxBytes, maxExpansion } = DEFAULT_LIMITS;
  try {
    for await (const chunk of decompress(hashing(stream(), stored), compression, { maxBytes, maxExpansion })) {
      for (const hasher of inside) hasher.update(chunk);
    }
    const found = new Set<string>(inside.map((hasher) => hasher.digest()));
    return { digest: stored.digest(), diffIds: claimed.filter((diffId) => found.has(diffId)) };
  } catch (error) {
    if (!(error instanceof StrataError) || !["malformed", "hostile", "unsupported"].includes(error.kind)) throw error;
    return { digest: (await digestStream(stream(), algorithm)).digest, diffIds: [], trouble: error };
  }
}

async function* counting(source: ByteSource, { signal, onBytes }: IdentifyOptions): AsyncGenerator<Uint8Array> {
  let read = 0;
  for await (const chunk of source.stream({ ...(signal && { signal }) })) {
    read += chunk.length;
    onBytes(read);
    yield chunk;
  }
}

async function* hashing(stream: AsyncIterable<Uint8Array>, hasher: Hasher): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    hasher.update(chunk);
    yield chunk;
  }
}
