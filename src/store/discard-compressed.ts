import { assertNotAborted, StrataError } from "../base/index.ts";
import { lockFile } from "../content/index.ts";
import type { DiffId, Digest } from "../oci/index.ts";
import { amountOf } from "./collect-garbage.ts";
import { findImage } from "./find-image.ts";
import { identifyBlob } from "./identify-blob.ts";
import { chainsOf, neededBy, readGraph, rootHere, rootOf } from "./image-graph.ts";
import { openLease, readLeases } from "./lease.ts";
import { namesByRoot } from "./list-images.ts";
import type { Recipe, RecordWriter } from "./metadata/records.ts";
import { findRecipe } from "./recipe.ts";
import { withSpare } from "./spare.ts";
import type { Discarded, DiscardOptions, Lease } from "./store.ts";
import { markUnpacked } from "./store-layout.ts";
import type { StoreParts } from "./store-parts.ts";

/** So often it is planned anew because the images of the store changed meanwhile. */
const MOST_ATTEMPTS = 5;

/**
 * Drops compressed layers for which their uncompressed tars stand from then on.
 *
 * 1. Everything is leased, then looked for: each layer of a manifest must be here as its tar.
 * 2. Other images that have the blob must mean the same tar by it; the blob is verified to hold that tar.
 * 3. Under the exclusive sweep lock, if no image changed since: one transaction says of all images that the tar stands for the
 *    blob, so the tar is needed from now on; then the blob goes, unless somebody leases it.
 *
 * Killed in between, both are here and nothing is wrong; doing it again goes on.
 */
export async function discardCompressed(parts: StoreParts, text: string, options: DiscardOptions): Promise<Discarded> {
  const known: Verdicts = new Map();
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    assertNotAborted(options.signal);
    const done = await discardOnce(parts, text, { options, known });
    if (done !== undefined) return done;
  }
  throw new StrataError({
    code: "store-busy",
    kind: "unavailable",
    message: `The images of the store ${parts.layout.root} changed again and again`,
    details: { path: parts.layout.root },
    hint: "Try again",
  });
}

/** What is known of blobs that were read: how to make them again, or why they stay. */
interface Verdict {
  readonly recipe?: Recipe | undefined;
  readonly reason?: string;
}

type Verdicts = Map<Digest, Verdict>;

interface Work {
  readonly options: DiscardOptions;
  readonly known: Verdicts;
}

async function discardOnce(parts: StoreParts, text: string, work: Work): Promise<Discarded | undefined> {
  const lease = await openLease(parts.layout, work.options.signal);
  try {
    const metadata = await parts.metadata();
    const revision = metadata.read((records) => records.revision);
    const chosen = await choose(parts, text, lease);
    const kept = new Map<Digest, string>(await claimedOtherwise(parts, chosen));
    for (const [digest, tar] of chosen) {
      if (kept.has(digest)) continue;
      const { reason } = await judge(parts, { digest, tar }, work);
      if (reason !== undefined) kept.set(digest, reason);
    }
    const going = new Map([...chosen].filter(([digest]) => !kept.has(digest)));
    return await free(parts, { going, kept, revision, lease, ...work });
  } finally {
    await lease[Symbol.asyncDispose]();
  }
}

/** The blobs of layers that are here, with their tars, of all manifests whose layers are all unpacked. */
async function choose(parts: StoreParts, text: string, lease: Lease): Promise<Map<Digest, DiffId>> {
  const { content, place } = parts;
  const metadata = await parts.metadata();
  const { record } = metadata.read((records) => findImage(records, text));
  const layers = metadata.read((records) => chainsOf(records, record));
  await lease.add(...neededBy(record), ...layers.map(({ diffId }) => diffId as string as Digest));
  const graph = await readGraph(place, content, rootOf(record));
  const below = new Map(graph.chains);
  const unpacked = new Set<DiffId>();
  let missing: DiffId | undefined;
  for (const { chainId } of graph.record.leaves) {
    const diffIds: DiffId[] = [];
    for (let id = chainId; id !== undefined; id = below.get(id)?.parent)
      diffIds.push(...[below.get(id)?.diffId ?? []].flat());
    const here = await Promise.all(diffIds.map((diffId) => content.stat(diffId as string as Digest)));
    const lacking = diffIds.find((_, i) => here[i] === undefined);
    if (lacking === undefined) for (const diffId of diffIds) unpacked.add(diffId);
    else missing ??= lacking;
  }
  if (unpacked.size === 0 && missing !== undefined) throw notUnpacked(text, missing);
  const chosen = new Map<Digest, DiffId>();
  for (const { blob, diffId } of graph.layers) {
    const isCompressed = unpacked.has(diffId) && blob !== (diffId as string);
    if (isCompressed && (await content.stat(blob)) !== undefined) chosen.set(blob, diffId);
  }
  return chosen;
}

/** Blobs that some image does not take for the layer that we take them for, or of which that is not known. */
async function claimedOtherwise(
  parts: StoreParts,
  chosen: ReadonlyMap<Digest, DiffId>,
): Promise<[digest: Digest, reason: string][]> {
  const metadata = await parts.metadata();
  const { images, names } = metadata.read((records) => ({
    images: records.list("image"),
    names: namesByRoot(records),
  }));
  const found: [Digest, string][] = [];
  for (const [root, record] of images) {
    const shared = record.parts.filter(({ digest }) => chosen.has(digest));
    if (shared.length === 0) continue;
    const graph = await readGraph(parts.place, parts.content, await rootHere(parts, root, record)).catch(
      () => undefined,
    );
    for (const { digest, role } of shared) {
      const claims = new Set(graph?.layers.filter(({ blob }) => blob === digest).map(({ diffId }) => diffId));
      const isSame = claims.size === 1 && claims.has(chosen.get(digest) as DiffId);
      if (isSame && (role === "layer" || role === "foreign-layer")) continue;
      found.push([digest, `the image ${names.get(root)?.[0] ?? root} needs it as it is`]);
    }
  }
  return found;
}

interface Candidate {
  readonly digest: Digest;
  readonly tar: DiffId;
}

/** Reads a blob, to be sure that it holds the tar, and to know how it can be made again. */
async function judge(
  { content }: StoreParts,
  { digest, tar }: Candidate,
  { options: { verified, signal }, known }: Work,
): Promise<Verdict> {
  const before = known.get(digest);
  if (before !== undefined) return before;
  await using stored = await content.open(digest);
  await using unpacked = await content.open(tar as string as Digest);
  if (verified?.get(digest) !== tar) {
    const found = await identifyBlob(stored, { digest, claimed: [tar], signal, onBytes: () => {} });
    if (found.digest !== digest || !found.diffIds.includes(tar)) {
      const verdict = { reason: "it does not decompress to the tar that its image speaks of" };
      known.set(digest, verdict);
      return verdict;
    }
  }
  const verdict = { recipe: await findRecipe(stored, unpacked, signal) };
  known.set(digest, verdict);
  return verdict;
}

interface Plan extends Work {
  readonly going: ReadonlyMap<Digest, DiffId>;
  readonly kept: Map<Digest, string>;
  readonly revision: number;
  readonly lease: Lease;
}

/** Undefined when the images changed since the plan was made. */
async function free(
  parts: StoreParts,
  { going, kept, revision, lease, known, options }: Plan,
): Promise<Discarded | undefined> {
  const { layout, content } = parts;
  const metadata = await parts.metadata();
  await markUnpacked(layout);
  await using _ = await lockFile(layout.sweepLock, "exclusive", { shouldWait: true, signal: options.signal });
  // Nothing can be freed by others from here on; our own lease would only be in the way.
  await lease[Symbol.asyncDispose]();
  if (metadata.read((records) => records.revision) !== revision) return undefined;
  const leased = await readLeases(layout);
  for (const digest of going.keys()) if (leased.has(digest)) kept.set(digest, "somebody reads it");
  const gone = new Map([...going].filter(([digest]) => !kept.has(digest)));
  await withSpare(layout, () => metadata.write((records) => putTars(records, gone, known)));
  const sizes: number[] = [];
  for (const digest of gone.keys()) {
    const size = (await content.stat(digest))?.size;
    if ((await content.remove(digest)) && size !== undefined) sizes.push(size);
  }
  return { blobs: amountOf(sizes), kept: [...kept].map(([digest, reason]) => ({ digest, reason })) };
}

/** Says of all images that these tars stand for these blobs. */
function putTars(records: RecordWriter, gone: ReadonlyMap<Digest, DiffId>, known: Verdicts): void {
  for (const [root, record] of records.list("image")) {
    if (!record.parts.some(({ digest }) => gone.has(digest))) continue;
    const parts = record.parts.map((part) => {
      const tar = gone.get(part.digest);
      return tar === undefined ? part : { ...part, isHere: false, tar };
    });
    records.put("image", root, { ...record, parts });
  }
  for (const [digest, tar] of gone) {
    const { origin } = records.get("blob", digest) ?? {};
    const recipe = known.get(digest)?.recipe;
    records.put("blob", digest, { tar, ...(recipe && { recipe }), ...(origin && { origin }) });
  }
}

function notUnpacked(text: string, diffId: DiffId): StrataError {
  return new StrataError({
    code: "layers-not-unpacked",
    kind: "failed-precondition",
    message: `The compressed layers of ${text} cannot be discarded: the uncompressed tar ${diffId} is not in the store`,
    details: { image: text, digest: diffId },
    hint: "Pull the image so that it is unpacked; the driver `erofs` keeps the tars",
  });
}
