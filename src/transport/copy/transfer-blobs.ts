import { addDetails, mapConcurrent, StrataError, sliceSource } from "../../base/index.ts";
import type { Scratch } from "../../content/index.ts";
import type { ArtifactSource, CopyEvent, ImageDestination, PutBlobResult, Skipped } from "../../image/index.ts";
import type { Digest } from "../../oci/index.ts";
import type { DecompressOptions } from "../../tar/index.ts";
import type { ArtifactBlobs } from "./artifact-blobs.ts";
import { createHeadStart, type HeadStart } from "./head-start.ts";
import type { PlannedBlob } from "./plan-blobs.ts";
import type { Conversion } from "./plan-conversions.ts";
import { recompressLayer } from "./recompress-layer.ts";
import type { ReplacedLayer } from "./rewrite-document.ts";

/** What {@link transferBlobs} works with. */
export interface TransferInit {
  readonly source: ArtifactSource;
  readonly blobs: ArtifactBlobs;
  readonly destination: ImageDestination;
  readonly conversions: ReadonlyMap<Digest, Conversion>;
  readonly concurrency: number;
  /** Whether the largest goes alone while it comes fast. */
  readonly hasHeadStart: boolean;
  readonly scratch: Scratch;
  readonly level: number | undefined;
  readonly cores: number;
  readonly expansion: DecompressOptions;
  readonly signal: AbortSignal | undefined;
  readonly emit: (event: CopyEvent) => void;
}

/** What became of the blobs. */
export interface Transferred {
  readonly results: Record<PutBlobResult, number>;
  readonly bytes: number;
  readonly replaced: ReadonlyMap<Digest, ReplacedLayer>;
  readonly skipped: readonly Skipped[];
}

interface Tally {
  readonly results: Record<PutBlobResult, number>;
  bytes: number;
  readonly replaced: Map<Digest, ReplacedLayer>;
  readonly skipped: Skipped[];
}

/**
 * Puts all blobs, several at once, the largest first so that none is left alone at the end; an archive, which takes one
 * at a time, gets them in the order of the manifests. A failure stops the others.
 * @throws StrataError the first failure, with `details` image, digest and layer
 */
export async function transferBlobs(planned: readonly PlannedBlob[], init: TransferInit): Promise<Transferred> {
  const { concurrency, source } = init;
  const tally: Tally = {
    results: { present: 0, mounted: 0, transferred: 0 },
    bytes: 0,
    replaced: new Map(),
    skipped: [],
  };
  const ordered =
    concurrency === 1 ? planned : [...planned].sort((one, other) => other.descriptor.size - one.descriptor.size);
  const headStart = createHeadStart(init.hasHeadStart ? (ordered[0]?.descriptor.size ?? 0) : 0);
  await mapConcurrent(ordered, concurrency, async (blob, place, stop) => {
    const signal = init.signal === undefined ? stop : AbortSignal.any([init.signal, stop]);
    const work = { ...init, signal, tally };
    try {
      if (place === 0) return await transferAhead(blob, headStart, work);
      await headStart.over;
      await transfer(blob, work);
    } catch (error) {
      throw addDetails(error, {
        image: source.reference,
        digest: blob.descriptor.digest,
        ...(blob.layer === undefined ? {} : { layer: blob.layer }),
      });
    }
  });
  return tally;
}

type Work = TransferInit & { readonly signal: AbortSignal; readonly tally: Tally };

async function transferAhead(blob: PlannedBlob, { onProgress, end }: HeadStart, work: Work): Promise<void> {
  try {
    await transfer(blob, work, onProgress);
  } finally {
    end();
  }
}

async function transfer(blob: PlannedBlob, work: Work, onProgress?: HeadStart["onProgress"]): Promise<void> {
  const conversion = work.conversions.get(blob.descriptor.digest);
  if (conversion !== undefined) return await transferConverted(blob, conversion, work);
  if (blob.isForeign && !(await isHere(blob, work))) return skip(blob, work);
  const { destination, blobs, source, signal, emit } = work;
  const { digest, size } = blob.descriptor;
  emit({ type: "blob", digest, what: blob.what, size, state: "transferring" });
  const result = await destination.putBlob(
    {
      descriptor: blob.descriptor,
      origin: source.originOf?.(blob.descriptor) ?? source.origin,
      open: () => blobs.openBlob(blob.descriptor),
    },
    {
      signal,
      onProgress: (bytes) => {
        onProgress?.(bytes);
        emit({ type: "progress", digest, bytes, size });
      },
    },
  );
  count(result, blob, { size, work });
}

async function transferConverted(blob: PlannedBlob, conversion: Conversion, work: Work): Promise<void> {
  const { emit, signal, tally, destination } = work;
  const { digest, size, mediaType } = blob.descriptor;
  emit({ type: "blob", digest, what: blob.what, size, state: "converting" });
  const { source, ...layer } = await recompressLayer(
    work.blobs,
    { descriptor: blob.descriptor, conversion },
    { ...work, onProgress: (bytes) => emit({ type: "progress", digest, bytes, size }) },
  );
  await using _ = source;
  const result = await destination.putBlob(
    {
      descriptor: { mediaType, digest: layer.digest, size: layer.size },
      // The destination disposes what it opens; the bytes must outlive a failed attempt.
      open: async () => sliceSource(source, 0, source.size),
    },
    { signal },
  );
  tally.replaced.set(digest, layer);
  count(result, blob, { size: layer.size, work });
}

function count(
  result: PutBlobResult,
  { descriptor: { digest } }: PlannedBlob,
  { size, work }: { readonly size: number; readonly work: Work },
): void {
  work.tally.results[result]++;
  if (result === "transferred") work.tally.bytes += size;
  work.emit({ type: "blob-done", digest, size, result });
}

/** A place may lack a foreign layer; the destination may have it all the same. */
async function isHere({ descriptor }: PlannedBlob, { blobs, destination }: Work): Promise<boolean> {
  if (await destination.has(descriptor)) return true;
  try {
    const source = await blobs.openBlob(descriptor);
    await source[Symbol.asyncDispose]();
    return true;
  } catch (error) {
    if (error instanceof StrataError && error.kind === "not-found") return false;
    throw error;
  }
}

function skip({ descriptor: { digest, urls = [] } }: PlannedBlob, { tally, emit }: Work): void {
  const skipped = {
    what: `foreign layer ${digest}`,
    reason: ["its owner forbids passing it on", ...urls].join("; it may be at "),
  };
  tally.skipped.push(skipped);
  emit({ type: "skipped", ...skipped });
}
