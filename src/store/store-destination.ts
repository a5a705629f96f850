import { type ErrorKind, StrataError } from "../base/index.ts";
import type { ContentStore, FollowIngest } from "../content/index.ts";
import {
  type BlobOrigin,
  type BlobPlace,
  type ImageDestination,
  ingestBlob,
  ingestDocument,
  type OfferedBlob,
  type PutBlobOptions,
  type PutBlobResult,
  type RawDocument,
} from "../image/index.ts";
import { type Descriptor, type Digest, mediaKind } from "../oci/index.ts";
import { assertUsable, type ImageGraph, missingParts, neededBy, readGraph } from "./image-graph.ts";
import { tryNormalizeName } from "./image-reference.ts";
import type { Metadata } from "./metadata/records.ts";
import { saveImage, saveOrigin } from "./save-image.ts";
import type { Lease } from "./store.ts";

/** Transfers at once: more do not make one disk or one registry faster. */
const CONCURRENCY = 4;

/** After so many the image is saved whatever others do: what it then misses, the next collection of garbage adds. */
const MOST_ATTEMPTS = 5;

/** What a document that must be put again may be. */
const UNREADABLE: ReadonlySet<ErrorKind> = new Set(["integrity", "malformed", "hostile", "unsupported", "not-found"]);

export interface StoreDestinationInit {
  readonly content: ContentStore;
  readonly metadata: Metadata;
  readonly place: BlobPlace;
  /** Belongs to the destination. */
  readonly lease: Lease;
  /** As the user wrote it. */
  readonly reference: string;
  /** Normalised; undefined where the names that come with the image count. */
  readonly name: string | undefined;
  /** For layers only. */
  readonly onIngest?: FollowIngest | undefined;
}

/**
 * Takes images in. Every digest is leased before it is looked for, so what is here stays here; the ingest of a blob is
 * named by its digest, so two pulls of one image meet, and the second finds what the first brought.
 */
export class StoreDestination implements ImageDestination {
  readonly reference: string;
  readonly transport = "store";
  readonly concurrency = CONCURRENCY;
  readonly acceptsIndexes = true;
  readonly #init: StoreDestinationInit;
  /** Where blobs came from. */
  readonly #origins = new Map<Digest, BlobOrigin>();
  /** What is to be named at the end, in the order of naming. */
  readonly #roots: { root: Descriptor; names: readonly string[] }[] = [];

  constructor(init: StoreDestinationInit) {
    this.reference = init.reference;
    this.#init = init;
  }

  async has(descriptor: Descriptor): Promise<boolean> {
    const { content, lease } = this.#init;
    await lease.add(descriptor.digest);
    if ((await content.stat(descriptor.digest))?.size !== descriptor.size) return false;
    const kind = mediaKind(descriptor.mediaType);
    if (kind !== "manifest" && kind !== "index") return true;
    // A document is here only with all that it names: nothing below it is put then.
    try {
      return missingParts((await this.#graphOf(descriptor)).record).length === 0;
    } catch (error) {
      if (error instanceof StrataError && UNREADABLE.has(error.kind)) return false;
      throw error;
    }
  }

  async putBlob(blob: OfferedBlob, options?: PutBlobOptions): Promise<PutBlobResult> {
    const { content, lease, onIngest } = this.#init;
    await lease.add(blob.descriptor.digest);
    if (blob.origin !== undefined) this.#origins.set(blob.descriptor.digest, blob.origin);
    if (await this.#hasTarOf(blob.descriptor.digest)) return "present";
    const isLayer = mediaKind(blob.descriptor.mediaType) === "layer";
    return await ingestBlob(content, blob, { ...options, ...(isLayer && { onIngest }) });
  }

  async putDocument(document: RawDocument): Promise<void> {
    const { content, lease } = this.#init;
    await lease.add(document.digest);
    await ingestDocument(content, document);
  }

  async name(root: Descriptor, names: readonly string[]): Promise<void> {
    const own = this.#init.name;
    if (own === undefined) {
      this.#roots.push({ root, names: names.flatMap((name) => tryNormalizeName(name) ?? []) });
      return;
    }
    const other = this.#roots.find((known) => known.root.digest !== root.digest);
    if (other !== undefined) throw oneNameForTwo(own);
    this.#roots.push({ root, names: [own] });
  }

  async finish(): Promise<void> {
    const { metadata } = this.#init;
    for (let attempt = 1; ; attempt++) {
      const revision = metadata.read((records) => records.revision);
      const images = await this.#readRoots();
      const isSaved = metadata.write((records) => {
        // Somebody may have brought another platform of the same index since: its documents count too.
        if (records.revision !== revision && attempt < MOST_ATTEMPTS) return false;
        for (const { graph, names } of images) saveImage(records, graph, names);
        for (const [digest, origin] of this.#origins) saveOrigin(records, digest, origin);
        return true;
      });
      if (isSaved) return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#init.lease[Symbol.asyncDispose]();
  }

  async #readRoots(): Promise<{ readonly graph: ImageGraph; readonly names: readonly string[] }[]> {
    const images: { graph: ImageGraph; names: readonly string[] }[] = [];
    for (const { root, names } of this.#roots) {
      const graph = await this.#graphOf(root);
      assertUsable(graph.record);
      images.push({ graph, names });
    }
    return images;
  }

  /** Whether the layer of a discarded blob is here: as the tar that the blob was seen to hold. */
  async #hasTarOf(digest: Digest): Promise<boolean> {
    const { content, lease, metadata } = this.#init;
    const tar = metadata.read((records) => records.get("blob", digest)?.tar) as string | undefined;
    if (tar === undefined || (await content.stat(digest)) !== undefined) return false;
    await lease.add(tar as Digest);
    return (await content.stat(tar as Digest)) !== undefined;
  }

  /** Reads the graph of what stays here: all of it is leased before it is looked at. */
  async #graphOf(root: Descriptor): Promise<ImageGraph> {
    const { content, lease, place } = this.#init;
    await lease.add(root.digest);
    const known = new Set<Digest>();
    for (let before = 0; ; ) {
      const graph = await readGraph(place, content, root);
      const needed = neededBy(graph.record);
      // Each round leases what the last one found; what it saw before may have gone in between.
      await lease.add(...needed);
      for (const digest of needed) known.add(digest);
      if (known.size === before) return graph;
      before = known.size;
    }
  }
}

function oneNameForTwo(name: string): StrataError {
  return new StrataError({
    code: "several-images",
    kind: "invalid-argument",
    message: `The name ${name} cannot lead to two images`,
    details: { image: name },
    hint: "Copy them one by one, or without a name",
  });
}
