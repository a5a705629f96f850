import { type ByteSource, randomName, StrataError } from "../base/index.ts";
import type { ContentStore, Ingest } from "../content/index.ts";
import { compressionOf, indexLayer, type LayerClaim, type Limits, type TarSink } from "../image/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import { type DiffId, type Digest, diffIdOfUncompressed } from "../oci/index.ts";

/** What a layer's stored bytes are said to be, and how far that is known. */
export interface LayerTask {
  readonly claim: LayerClaim;
  readonly limits: Limits;
  /** Whether somebody else holds the stored bytes against their digest, or has done so. */
  readonly isVerified: boolean;
  /** Whether the stored bytes are a blob of the content store, so that an uncompressed tar lies there already. */
  readonly isStored: boolean;
}

/** With whom a layer is unpacked. */
export interface UnpackLayerOptions {
  readonly content: ContentStore;
  /** Resolves when the tar may become visible; rejects when the stored bytes turned out to be no good. */
  readonly approve?: (() => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told how many stored bytes have been read so far, from time to time. */
  readonly onBytes?: ((done: number) => void) | undefined;
}

/** A layer whose uncompressed tar is a blob of the content store under its diffID. */
export interface UnpackedLayer {
  readonly diffId: DiffId;
  readonly index: LayerIndex;
}

/**
 * Unpacks one layer in one pass over its stored bytes: verified, decompressed, written as the uncompressed tar, verified
 * again, indexed. A second caller, in this process or another, waits for the first and takes what it made. Whatever
 * fails leaves nothing.
 *
 * @param stored stays the caller's
 * @throws StrataError of kind `integrity`, `malformed`, `hostile` or `unsupported` about the bytes; `no-space` …; `aborted`
 */
export async function unpackLayer(
  stored: ByteSource,
  task: LayerTask,
  options: UnpackLayerOptions,
): Promise<UnpackedLayer> {
  const compression = await compressionOf(stored);
  const { claim, isStored, isVerified } = task;
  const { approve, signal, onBytes, content } = options;
  const common = { claim, limits: task.limits, compression, signal, onBytes };
  if (compression === "none" && isStored && claim.digest !== undefined) {
    const verify = !isVerified || (claim.diffId !== undefined && claim.diffId !== (claim.digest as string));
    const { index } = await indexLayer(stored, { ...common, verify });
    await approve?.();
    return { index, diffId: diffIdOfUncompressed(claim.digest) };
  }
  const expected = { digest: claim.diffId as string as Digest | undefined };
  await using ingest = await content.ingest(ingestRef(claim), expected, { shouldWait: true, startsOver: true, signal });
  const earlier = await findTar(content, task, options);
  if (earlier !== undefined) {
    await ingest.abort();
    return earlier;
  }
  try {
    const sink = ingestSink(ingest, claim.diffId, approve);
    const { index, diffId } = await indexLayer(stored, { ...common, verify: !isVerified, sink });
    return { index, diffId: diffId as DiffId };
  } catch (error) {
    await ingest.abort();
    throw error;
  }
}

/** So that two who unpack the same stored bytes meet, also while one of them does not know the diffID yet. */
function ingestRef({ digest, diffId }: LayerClaim): string {
  return `unpack:${digest ?? diffId ?? randomName()}`;
}

/** Whoever held the ref before us may have brought the tar; then only its index may be missing. */
async function findTar(
  content: ContentStore,
  { claim: { diffId }, limits }: LayerTask,
  options: UnpackLayerOptions,
): Promise<UnpackedLayer | undefined> {
  if (diffId === undefined || (await content.stat(diffId as string as Digest)) === undefined) return undefined;
  return await indexTar(diffId, { ...options, limits });
}

/** Reads the tar of a layer once more, verifies it and indexes it: where its index was forgotten. */
export async function indexTar(
  diffId: DiffId,
  { content, limits, signal, onBytes }: UnpackLayerOptions & { readonly limits: Limits },
): Promise<UnpackedLayer> {
  const digest = diffId as string as Digest;
  await using tar = await content.open(digest);
  const claim = { diffId, digest, size: tar.size };
  const { index } = await indexLayer(tar, { claim, limits, verify: true, compression: "none", signal, onBytes });
  return { index, diffId };
}

/** Makes the bytes that come the blob of their diffID. */
function ingestSink(ingest: Ingest, diffId: DiffId | undefined, approve: UnpackLayerOptions["approve"]): TarSink {
  return {
    write: (chunk) => ingest.write(chunk),
    async finish() {
      await approve?.();
      try {
        return diffIdOfUncompressed((await ingest.commit()).digest);
      } catch (error) {
        throw diffId === undefined ? error : restate(error, diffId);
      }
    },
  };
}

/** The ref of an ingest says nothing to people. */
function restate(error: unknown, diffId: DiffId): unknown {
  if (!(error instanceof StrataError) || error.code !== "digest-mismatch") return error;
  const { actual } = error.details as { readonly actual?: unknown };
  return new StrataError({
    code: "digest-mismatch",
    kind: "integrity",
    message: `The uncompressed layer should have the digest ${diffId} but has ${String(actual)}`,
    details: { digest: diffId },
    cause: error,
  });
}
