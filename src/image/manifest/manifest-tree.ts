import {
  ANNOTATION,
  type Descriptor,
  type ImageIndex,
  isAttestation,
  type Manifest,
  mediaKind,
  parseManifest,
} from "../../oci/index.ts";
import type { Skipped } from "../image-source.ts";
import { type BlobPlace, readDocument } from "./blob-place.ts";
import { indexTooDeep, type SourceLimits, tooManyManifests } from "./source-limits.ts";

/** A manifest that an index lists, directly or through other indexes. */
export interface ManifestLeaf {
  readonly descriptor: Descriptor;
  /** The names of all descriptors on the way to it, outermost first. */
  readonly names: readonly string[];
}

/** What lies below some descriptors. */
export interface ManifestTree {
  /** Each manifest once, in the order of the indexes. */
  readonly leaves: readonly ManifestLeaf[];
  readonly skipped: readonly Skipped[];
}

/** The names that annotations give to an image. */
export function namesOf({ annotations }: Descriptor): string[] {
  const names = [annotations?.[ANNOTATION.containerdName], annotations?.[ANNOTATION.refName]];
  return [...new Set(names.filter((name) => name !== undefined && name !== ""))] as string[];
}

/**
 * Walks indexes down to manifests, depth first. Attestations and things that are no images are passed over by name.
 * @throws StrataError of kind hostile `index-too-deep`, `too-many-manifests`; of readDocument and parseManifest
 */
export async function walkManifests(
  blobs: BlobPlace,
  roots: readonly Descriptor[],
  limits: SourceLimits,
): Promise<ManifestTree> {
  const walk = new Walk(blobs, limits);
  for (const root of roots) await walk.visit(root, [], 0);
  return walk;
}

/** Reads the manifest or index that a descriptor points to. */
export async function readManifest(
  blobs: BlobPlace,
  descriptor: Descriptor,
  { maxDocumentBytes: maxBytes }: SourceLimits,
): Promise<{ bytes: Uint8Array; document: Manifest | ImageIndex }> {
  const { digest, mediaType } = descriptor;
  const bytes = await readDocument(blobs, descriptor, { what: "manifest", role: "manifest", maxBytes });
  return { bytes, document: parseManifest(bytes, { what: `manifest ${digest}`, mediaType, maxBytes }) };
}

class Walk implements ManifestTree {
  readonly leaves: ManifestLeaf[] = [];
  readonly skipped: Skipped[] = [];
  readonly #blobs: BlobPlace;
  readonly #limits: SourceLimits;
  /** A blob that several indexes list is looked at once: shared children must not multiply. */
  readonly #seen = new Set<string>();
  #visited = 0;

  constructor(blobs: BlobPlace, limits: SourceLimits) {
    this.#blobs = blobs;
    this.#limits = limits;
  }

  async visit(descriptor: Descriptor, outerNames: readonly string[], depth: number): Promise<void> {
    const { digest } = descriptor;
    if (++this.#visited > this.#limits.maxManifests) throw tooManyManifests(this.#limits.maxManifests);
    if (this.#seen.has(digest)) return;
    this.#seen.add(digest);
    const names = [...new Set([...outerNames, ...namesOf(descriptor)])];
    if (isAttestation(descriptor)) {
      this.skipped.push({ what: `attestation manifest ${digest}`, reason: "it is a statement about an image" });
      return;
    }
    switch (mediaKind(descriptor.mediaType)) {
      case "manifest":
      case "schema1":
        this.leaves.push({ descriptor, names });
        return;
      case "index":
        return await this.#descend(descriptor, names, depth);
      default:
        if (descriptor.mediaType === "") return await this.#descend(descriptor, names, depth);
        this.skipped.push({ what: `${descriptor.mediaType} ${digest}`, reason: "it is not an image" });
    }
  }

  /** Into an index, or into what has no media type and may be either. */
  async #descend(descriptor: Descriptor, names: readonly string[], depth: number): Promise<void> {
    if (depth >= this.#limits.maxIndexDepth) throw indexTooDeep(descriptor, this.#limits.maxIndexDepth);
    const { document } = await readManifest(this.#blobs, descriptor, this.#limits);
    if (document.kind === "manifest") {
      this.leaves.push({ descriptor, names });
      return;
    }
    for (const child of document.manifests) await this.visit(child, names, depth + 1);
  }
}
