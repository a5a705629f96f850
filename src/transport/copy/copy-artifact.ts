import { addDetails, assertNotAborted, StrataError } from "../../base/index.ts";
import { createLocalScratch, type Scratch } from "../../content/index.ts";
import {
  type ArtifactSource,
  type CopyEvent,
  DEFAULT_SOURCE_LIMITS,
  type ImageDestination,
  type RawDocument,
  type Skipped,
  type SourceLimits,
} from "../../image/index.ts";
import type { Descriptor, Digest, Platform } from "../../oci/index.ts";
import { ArtifactBlobs } from "./artifact-blobs.ts";
import { assertNotItself } from "./assert-not-itself.ts";
import { type ChosenRoot, chooseRoot } from "./choose-root.ts";
import type { CopyOptions, CopyResult, ImageFormat } from "./copy-options.ts";
import { findReferrers } from "./find-referrers.ts";
import { type PlannedBlob, planBlobs } from "./plan-blobs.ts";
import { type Conversion, planConversions } from "./plan-conversions.ts";
import { putDocuments } from "./put-documents.ts";
import { type GraphNode, nodesOf, readGraph } from "./read-graph.ts";
import { assertPreserved, rewriteDocuments } from "./rewrite-documents.ts";
import { transferBlobs } from "./transfer-blobs.ts";

const DEFAULT_CONCURRENCY = 4;
const DEFAULT_PLATFORM: Platform = { os: "linux", architecture: "amd64" };

/**
 * Copies what the source has to the destination: blobs that are there already stay, each other blob goes once, documents
 * follow what they name, the name comes last. Nothing that need not change is written anew, so that digests survive.
 *
 * Neither side is disposed; the destination is finished unless `shouldFinish` is false. After a failure the destination
 * shows what it showed before, and a second attempt goes on from the blobs that arrived.
 *
 * @throws StrataError with `details.image`: of the source, of the destination, `platform-not-found`,
 * `index-not-accepted`, `digest-not-preserved`, `format-lacks-zstd`, `aborted`
 */
export async function copyArtifact(
  source: ArtifactSource,
  destination: ImageDestination,
  options: CopyOptions = {},
): Promise<CopyResult> {
  const ownScratch = options.scratch === undefined ? createLocalScratch() : undefined;
  const copy: Copy = {
    source,
    destination,
    options: { ...options, scratch: options.scratch ?? ownScratch ?? createLocalScratch() },
    limits: { ...DEFAULT_SOURCE_LIMITS, ...options.limits },
    concurrency: Math.max(1, Math.min(options.concurrency ?? DEFAULT_CONCURRENCY, destination.concurrency)),
    emit: options.onEvent ?? (() => {}),
  };
  try {
    copy.emit({ type: "start", source: source.reference, destination: destination.reference });
    await assertNotItself(source, destination);
    const resolved = await resolve(copy);
    return await act(copy, resolved, await decide(copy, resolved));
  } catch (error) {
    throw addDetails(error, { image: source.reference });
  } finally {
    await ownScratch?.[Symbol.asyncDispose]();
  }
}

interface Copy {
  readonly source: ArtifactSource;
  readonly destination: ImageDestination;
  readonly options: CopyOptions & { readonly scratch: Scratch };
  readonly limits: SourceLimits;
  readonly concurrency: number;
  readonly emit: (event: CopyEvent) => void;
}

/** What is to be copied. */
interface Resolved {
  readonly blobs: ArtifactBlobs;
  readonly root: GraphNode;
  /** Documents that name others of the copy as their subject; not below the root. */
  readonly referrers: readonly GraphNode[];
  readonly platform: Platform | undefined;
  readonly skipped: readonly Skipped[];
}

async function resolve({ source, destination, options, limits, emit }: Copy): Promise<Resolved> {
  const { signal, platform, hostPlatform = DEFAULT_PLATFORM } = options;
  const blobs = new ArtifactBlobs(source, limits.maxDocumentBytes);
  const whole: ChosenRoot = { root: source.root, platform: undefined, skipped: [] };
  const chosen =
    options.allPlatforms === true ? whole : await chooseRoot(blobs, source.root, { platform, hostPlatform, limits });
  const root = await readGraph(blobs, chosen.root, { limits, signal });
  if (root.document.kind === "index" && !destination.acceptsIndexes)
    throw indexNotAccepted(destination, root.raw.digest);
  const found =
    options.withReferrers === true
      ? await findReferrers(source, { blobs, root }, { limits, signal })
      : { referrers: [], skipped: [] };
  const skipped = [...source.skipped, ...chosen.skipped, ...found.skipped];
  for (const { what, reason } of skipped) emit({ type: "skipped", what, reason });
  return { blobs, root, referrers: found.referrers, platform: chosen.platform, skipped };
}

/** How it is done, known before the first byte goes. */
interface Decided {
  readonly nodes: readonly GraphNode[];
  readonly planned: readonly PlannedBlob[];
  readonly conversions: ReadonlyMap<Digest, Conversion>;
}

async function decide(copy: Copy, resolved: Resolved): Promise<Decided> {
  const { options, limits, concurrency, emit } = copy;
  const { blobs, root, referrers } = resolved;
  const { compression, preserveDigests = false } = options;
  const format = targetFormat(copy);
  const imageNodes = nodesOf(root);
  const nodes = [...imageNodes, ...referrers.flatMap((referrer) => nodesOf(referrer))];
  const planned = planBlobs(nodes);
  const conversions =
    compression === undefined
      ? new Map<Digest, Conversion>()
      : await planConversions(
          blobs,
          { nodes: imageNodes, planned },
          { compression, concurrency, maxDocumentBytes: limits.maxDocumentBytes },
        );
  const changed = rewriteDocuments(imageNodes, { layers: conversions, format });
  if (preserveDigests) assertPreserved(imageNodes, changed);
  if (changed.size > 0 && referrers.length > 0) throw subjectsChange(root.raw);
  const bytes = planned.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  emit({ type: "resolved", digest: root.raw.digest, mediaType: root.raw.mediaType, blobs: planned.length, bytes });
  return { nodes, planned, conversions };
}

/** The format that was asked for; else the one that the destination's readers expect, where no digest must survive for it. */
function targetFormat({ options, destination }: Copy): ImageFormat | undefined {
  const { format, preserveDigests = false, withReferrers = false } = options;
  return format ?? (preserveDigests || withReferrers ? undefined : destination.expectedFormat);
}

async function act(copy: Copy, { blobs, root, referrers, ...resolved }: Resolved, plan: Decided): Promise<CopyResult> {
  const { source, destination, options, concurrency, limits, emit } = copy;
  const { signal, scratch } = options;
  for (const { descriptor, what } of plan.planned) {
    emit({ type: "blob", digest: descriptor.digest, what, size: descriptor.size, state: "waiting" });
  }
  const transferred = await transferBlobs(plan.planned, {
    source,
    blobs,
    destination,
    conversions: plan.conversions,
    concurrency,
    hasHeadStart: options.hasHeadStart === true,
    scratch,
    signal,
    emit,
    level: options.compressionLevel,
    cores: options.cores ?? 1,
    expansion: limits.expansion,
  });
  const documents = rewriteDocuments(nodesOf(root), { layers: transferred.replaced, format: targetFormat(copy) });
  for (const node of [root, ...referrers]) {
    await putDocuments(node, { destination, documents, concurrency, signal, emit });
  }
  const { mediaType, digest, bytes } = documents.get(root.raw.digest) ?? root.raw;
  const descriptor: Descriptor = { mediaType, digest, size: bytes.length };
  assertNotAborted(signal);
  await destination.name(descriptor, options.names ?? source.names);
  if (options.shouldFinish !== false) await destination.finish();
  emit({ type: "done", digest, mediaType });
  return {
    root: descriptor,
    platform: resolved.platform,
    blobs: transferred.results,
    bytes: transferred.bytes,
    skipped: [...resolved.skipped, ...transferred.skipped],
  };
}

function indexNotAccepted({ reference }: ImageDestination, digest: Digest): StrataError {
  return new StrataError({
    code: "index-not-accepted",
    kind: "unsupported",
    message: `${reference} takes single images only, and ${digest} is an index of several`,
    details: { digest },
    hint: "Leave out --all-platforms, or write an oci-archive:",
  });
}

function subjectsChange({ digest }: RawDocument): StrataError {
  return new StrataError({
    code: "digest-not-preserved",
    kind: "failed-precondition",
    message: `What refers to ${digest} would refer to nothing: the image is to be converted and gets another digest`,
    details: { digest },
    hint: "Copy without what refers to the image, or without converting it",
  });
}
