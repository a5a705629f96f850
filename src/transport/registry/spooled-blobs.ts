import { assertNotAborted, type ByteSource } from "../../base/index.ts";
import type { LocatedSource, Scratch } from "../../content/index.ts";
import { type BlobPlace, missingBlob } from "../../image/index.ts";
import { type Digest, MAX_DOCUMENT_BYTES, verifyStream } from "../../oci/index.ts";

/** Blobs whose bytes are downloaded once, when they are first needed. Disposing frees them, and ends downloads. */
export interface SpooledBlobs extends BlobPlace, AsyncDisposable {
  /** A blob for who reads it once, from front to back: straight from the place, unless it was downloaded already. */
  openOnce(digest: Digest): Promise<ByteSource>;
}

/**
 * Blobs of a place far away, for reading at random: the first stream or read of a blob brings it whole, verified, into
 * the scratch, and every later one is local. Only a first short look at the beginning, to see how a layer is
 * compressed or to read a document, goes straight to the place, unverified.
 */
export function createSpooledBlobs(blobs: BlobPlace, scratch: Scratch): SpooledBlobs {
  const spooled = new Map<Digest, Promise<LocatedSource>>();
  const stop = new AbortController();
  const spool = (digest: Digest, source: ByteSource): Promise<LocatedSource> => {
    const known = spooled.get(digest);
    if (known !== undefined) return known;
    const spooling = writeDown(digest, source, { scratch, signal: stop.signal });
    spooled.set(digest, spooling);
    // Whoever asks next tries again.
    spooling.catch(() => spooled.delete(digest));
    return spooling;
  };
  const place: BlobPlace = {
    place: blobs.place,
    open: async (digest, role) => {
      const source = await blobs.open(digest, role);
      if (source === undefined || role === "manifest") return source;
      const isLocal = (): boolean => spooled.has(digest);
      return lazySource(source, () => spool(digest, source), isLocal);
    },
  };
  return {
    ...place,
    openOnce: async (digest) => {
      const source = await (spooled.has(digest) ? place : blobs).open(digest, "blob");
      if (source === undefined) throw missingBlob(blobs, digest, "layer");
      return source;
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      const files = await Promise.allSettled(spooled.values());
      for (const file of files) if (file.status === "fulfilled") await file.value[Symbol.asyncDispose]();
    },
  };
}

function lazySource(far: ByteSource, spool: () => Promise<LocatedSource>, isLocal: () => boolean): LocatedSource {
  return {
    size: far.size,
    read: async (target, offset) => {
      const isLook = offset === 0 && target.length <= MAX_DOCUMENT_BYTES && !isLocal();
      return await (isLook ? far : await spool()).read(target, offset);
    },
    async *stream(range) {
      yield* (await unlessAborted(spool(), range?.signal)).stream(range);
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** The reader stops waiting; the download goes on for others, until all are disposed of. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  assertNotAborted(signal);
  const answered = new AbortController();
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true, signal: answered.signal });
  });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    answered.abort();
  }
  assertNotAborted(signal);
  return await promise;
}

async function writeDown(
  digest: Digest,
  source: ByteSource,
  { scratch, signal }: { readonly scratch: Scratch; readonly signal: AbortSignal },
): Promise<LocatedSource> {
  const file = await scratch.create();
  try {
    const bytes = verifyStream(source.stream({ signal }), { digest, size: source.size, what: `blob ${digest}` });
    for await (const chunk of bytes) await file.write(chunk);
    return await file.finish();
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}
