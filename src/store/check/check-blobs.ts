import { assertNotAborted, type ByteSource, readAll, StrataError } from "../../base/index.ts";
import type { BlobInfo } from "../../content/index.ts";
import { DEFAULT_LIMITS } from "../../image/index.ts";
import { algorithmOf, createHasher, type DiffId, type Digest, digestStream, type Hasher } from "../../oci/index.ts";
import { decompress, SNIFF_LENGTH, sniffCompression } from "../../tar/index.ts";
import type { Fault } from "../fault.ts";
import { blobPath } from "../store-layout.ts";
import type { CheckContext } from "./check-context.ts";

/** Reads every blob once: its digest, its size, and the diffID of what is a layer. */
export async function* checkBlobs(context: CheckContext): AsyncGenerator<Fault> {
  const { parts, options, users, tables } = context;
  const blobs: BlobInfo[] = [];
  for await (const blob of parts.content.list()) blobs.push(blob);
  const total = blobs.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const blob of blobs) {
    assertNotAborted(options.signal);
    const tell = (read: number): void => options.onProgress?.({ kind: "blob", done: done + read, total });
    const fault = await checkBlob(context, blob, tell);
    if (fault !== undefined) yield fault;
    else if (tables !== undefined && !users.has(blob.digest)) yield unreferenced(blob);
    done += blob.size;
    tell(0);
  }
}

async function checkBlob(
  context: CheckContext,
  { digest }: BlobInfo,
  onBytes: (read: number) => void,
): Promise<Fault | undefined> {
  const { parts, users, sizes, claims, options } = context;
  const common = { digest, path: blobPath(digest), images: users.get(digest) ?? [] };
  try {
    await using source = await parts.content.open(digest);
    const claimed = [...(claims.get(digest) ?? [])];
    const found = await identify(source, { digest, claimed, signal: options.signal, onBytes });
    if (found.digest !== digest) return { ...common, ...corrupt(digest, found.digest) };
    const wrong = [...(sizes.get(digest) ?? [])].find((size) => size !== source.size);
    if (wrong !== undefined) return { ...common, ...sizeDiffers(digest, source.size, wrong) };
    if (found.trouble !== undefined) return { ...common, ...layerUnreadable(digest, found.trouble) };
    const missed = claimed.find((diffId) => !found.diffIds.includes(diffId));
    if (missed !== undefined) return { ...common, ...diffIdDiffers(digest, missed) };
    return undefined;
  } catch (error) {
    if (!(error instanceof StrataError) || error.kind === "aborted") throw error;
    // Removed meanwhile by somebody who may: what images need is leased.
    if (error.code === "blob-not-found") return undefined;
    return { ...common, ...unreadable(digest, error) };
  }
}

/** What the bytes of a blob turned out to be. */
interface Identity {
  readonly digest: Digest;
  /** Those of the claimed diffIDs that are right. */
  readonly diffIds: readonly DiffId[];
  /** Why a layer could not be decompressed. */
  readonly trouble?: StrataError;
}

interface IdentifyOptions {
  readonly digest: Digest;
  readonly claimed: readonly DiffId[];
  readonly signal: AbortSignal | undefined;
  /** Told how many bytes of the blob have been read. */
  readonly onBytes: (read: number) => void;
}

/** One pass over the bytes; a second one only where a layer cannot be decompressed, to know whose fault that is. */
async function identify(source: ByteSource, options: IdentifyOptions): Promise<Identity> {
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

type Finding = Pick<Fault, "code" | "severity" | "what" | "remedy">;

function corrupt(digest: Digest, actual: Digest): Finding {
  const what = `The blob ${digest} has other bytes, of the digest ${actual}`;
  return { code: "blob-corrupt", severity: "error", what, remedy: "repair the store, then pull the images again" };
}

function unreadable(digest: Digest, { message }: StrataError): Finding {
  const what = `The blob ${digest} cannot be read: ${message}`;
  return { code: "blob-unreadable", severity: "error", what, remedy: "repair the store, then pull the images again" };
}

function sizeDiffers(digest: Digest, actual: number, said: number): Finding {
  const what = `The blob ${digest} has ${actual} bytes, as its digest proves, but a document says ${said}`;
  return { code: "blob-size-differs", severity: "error", what, remedy: "tell whoever published it" };
}

function layerUnreadable(digest: Digest, { message }: StrataError): Finding {
  const what = `The layer ${digest} was published like this, but cannot be decompressed: ${message}`;
  return { code: "layer-unreadable", severity: "error", what, remedy: "tell whoever published it" };
}

function diffIdDiffers(digest: Digest, diffId: DiffId): Finding {
  const what = `The layer ${digest} does not have the diffID ${diffId} that a configuration says`;
  return { code: "diffid-mismatch", severity: "error", what, remedy: "tell whoever published it" };
}

function unreferenced({ digest }: BlobInfo): Fault {
  return {
    code: "unreferenced-blob",
    severity: "info",
    what: `No image needs the blob ${digest}`,
    digest,
    path: blobPath(digest),
    images: [],
    remedy: "prune the store",
  };
}
