import { now, StrataError } from "../base/index.ts";
import type { BlobReader, LocatedSource } from "../content/index.ts";
import { type BlobPlace, DEFAULT_SOURCE_LIMITS, readDocument, readManifest } from "../image/index.ts";
import {
  chainIds,
  type Descriptor,
  type DiffId,
  type Digest,
  type ImageConfig,
  type ImageIndex,
  isForeignLayer,
  type Manifest,
  mediaKind,
  type Platform,
  parseImageConfig,
  platformOf,
} from "../oci/index.ts";
import type { ChainRecord, ImagePart, ImageRecord, LeafRecord, PartRole, RecordReader } from "./metadata/records.ts";

/** What the documents of an image tell, as far as they are here. */
export interface ImageGraph {
  readonly record: ImageRecord;
  /** Which blob holds which layer. */
  readonly layers: readonly { readonly diffId: DiffId; readonly blob: Digest }[];
  readonly chains: readonly (readonly [chainId: string, record: ChainRecord])[];
}

/** The blobs of a store as a place that documents are read from. */
export function storePlace(content: BlobReader, root: string): BlobPlace {
  return {
    place: `the store ${root}`,
    open: (digest) => openIfHere(content, digest),
    openTar: (diffId) => openIfHere(content, diffId as string as Digest),
  };
}

async function openIfHere(content: BlobReader, digest: Digest): Promise<LocatedSource | undefined> {
  return (await content.stat(digest)) === undefined ? undefined : await content.open(digest);
}

/**
 * Follows the documents of an image from its root and looks which blobs are here. What is named by a document that is
 * missing is not known: an index may be kept for one platform only.
 * @throws StrataError `missing-blob` for the root; of readManifest where a document that is here cannot be read
 */
export async function readGraph(place: BlobPlace, content: BlobReader, root: Descriptor): Promise<ImageGraph> {
  const walk = new GraphWalk(place, content);
  return await walk.run(root);
}

class GraphWalk {
  readonly #place: BlobPlace;
  readonly #content: BlobReader;
  readonly #parts = new Map<Digest, ImagePart>();
  readonly #leaves: LeafRecord[] = [];
  readonly #layers: { diffId: DiffId; blob: Digest }[] = [];
  readonly #chains: [string, ChainRecord][] = [];

  constructor(place: BlobPlace, content: BlobReader) {
    this.#place = place;
    this.#content = content;
  }

  async run(root: Descriptor): Promise<ImageGraph> {
    const { document } = await readManifest(this.#place, root, DEFAULT_SOURCE_LIMITS);
    const mediaType = root.mediaType || (document.mediaType ?? "");
    await this.#addPart(root, document.kind);
    await this.#descend(root, document, 0);
    await this.#findTars();
    return {
      record: { mediaType, addedAt: now(), parts: [...this.#parts.values()], leaves: this.#leaves },
      layers: this.#layers,
      chains: this.#chains,
    };
  }

  async #descend(descriptor: Descriptor, document: Manifest | ImageIndex, depth: number): Promise<void> {
    if (document.kind === "manifest") return await this.#addManifest(descriptor, document);
    for (const child of document.manifests) await this.#visit(child, depth + 1);
  }

  async #visit(child: Descriptor, depth: number): Promise<void> {
    if (this.#parts.has(child.digest)) return;
    const role = roleOf(child);
    const isHere = await this.#addPart(child, role);
    const { maxIndexDepth, maxDocumentBytes } = DEFAULT_SOURCE_LIMITS;
    if (!isHere || role === "blob" || depth > maxIndexDepth || child.size > maxDocumentBytes) return;
    const { document } = await readManifest(this.#place, child, DEFAULT_SOURCE_LIMITS);
    await this.#descend(child, document, depth);
  }

  async #addManifest(descriptor: Descriptor, { config, layers }: Manifest): Promise<void> {
    const hasConfig = await this.#addPart(config, "config");
    for (const layer of layers) await this.#addPart(layer, isForeignLayer(layer.mediaType) ? "foreign-layer" : "layer");
    if (!hasConfig || mediaKind(config.mediaType) !== "config") return;
    const value = await this.#readConfig(config);
    this.#leaves.push(leafOf(descriptor, config, value));
    this.#addStack(value.rootfs.diff_ids, layers);
  }

  async #readConfig(config: Descriptor): Promise<ImageConfig> {
    const maxBytes = DEFAULT_SOURCE_LIMITS.maxDocumentBytes;
    const bytes = await readDocument(this.#place, config, { what: "image configuration", role: "blob", maxBytes });
    return parseImageConfig(bytes, { what: `image configuration ${config.digest}`, maxBytes });
  }

  /** Says which blob is which layer, and what lies on what. */
  #addStack(diffIds: readonly DiffId[], layers: readonly Descriptor[]): void {
    if (diffIds.length !== layers.length) return;
    let parent: string | undefined;
    for (const [i, chainId] of chainIds(diffIds).entries()) {
      const diffId = diffIds[i] as DiffId;
      this.#layers.push({ diffId, blob: (layers[i] as Descriptor).digest });
      this.#chains.push([chainId, { diffId, ...(parent === undefined ? {} : { parent }) }]);
      parent = chainId;
    }
  }

  /** A layer that is not here may be here as its uncompressed tar, if all agree which that is. */
  async #findTars(): Promise<void> {
    const claims = new Map<Digest, Set<DiffId>>();
    for (const { diffId, blob } of this.#layers) claims.set(blob, (claims.get(blob) ?? new Set()).add(diffId));
    for (const [blob, [diffId, ...others]] of claims) {
      const part = this.#parts.get(blob);
      if (part === undefined || part.isHere || diffId === undefined || others.length > 0) continue;
      // A damaged layer that is its own tar cannot stand for itself.
      if (diffId === (blob as string)) continue;
      const isHere = (await this.#content.stat(diffId as string as Digest)) !== undefined;
      if (isHere) this.#parts.set(blob, { ...part, tar: diffId });
    }
  }

  async #addPart({ digest, size, mediaType }: Descriptor, role: PartRole): Promise<boolean> {
    const known = this.#parts.get(digest);
    if (known !== undefined) return known.isHere;
    const isHere = (await this.#content.stat(digest))?.size === size;
    const isDocument = role === "index" || role === "manifest";
    this.#parts.set(digest, { digest, size, role, isHere, ...(isDocument && { mediaType }) });
    return isHere;
  }
}

/** What an index lists is an index, a manifest, or what only its owner understands. */
function roleOf({ mediaType }: Descriptor): PartRole {
  const kind = mediaKind(mediaType);
  if (kind === "index") return "index";
  return kind === "manifest" || mediaType === "" ? "manifest" : "blob";
}

function leafOf({ digest, platform }: Descriptor, config: Descriptor, value: ImageConfig): LeafRecord {
  const chainId = chainIds(value.rootfs.diff_ids).at(-1);
  const said: Platform | undefined = platformOf(value) ?? platform;
  return {
    manifest: digest,
    config: config.digest,
    ...(said === undefined ? {} : { platform: said }),
    ...(value.created === undefined ? {} : { created: value.created }),
    ...(chainId === undefined ? {} : { chainId }),
  };
}

/** The root of an image as its record tells. */
export function rootOf({ mediaType, parts }: ImageRecord): Descriptor {
  const root = parts[0] as ImagePart;
  return { mediaType, digest: root.digest, size: root.size };
}

/** The root under which a record is kept, with its size as it lies here: for records that may themselves be wrong. */
export async function rootHere(
  { content }: { readonly content: BlobReader },
  root: string,
  record: ImageRecord,
): Promise<Descriptor> {
  const digest = root as Digest;
  return { ...rootOf(record), digest, size: (await content.stat(digest))?.size ?? rootOf(record).size };
}

/** What is missing that should be here: all but foreign layers, and layers for which their uncompressed tar stands. */
export function missingParts({ parts }: ImageRecord): readonly ImagePart[] {
  return parts.filter(({ isHere, role, tar }) => !isHere && tar === undefined && role !== "foreign-layer");
}

/** All blobs that an image counts on: what it names, and the tars that stand for layers. */
export function neededBy({ parts }: ImageRecord): Digest[] {
  return parts.flatMap(({ digest, tar }) => (tar === undefined ? [digest] : [digest, tar as string as Digest]));
}

/** The stacks of layers of an image's manifests, from each topmost one down; what occurs in several once for each. */
export function chainsOf(
  records: RecordReader,
  { leaves }: Pick<ImageRecord, "leaves">,
): { chainId: string; diffId: DiffId }[] {
  const found: { chainId: string; diffId: DiffId }[] = [];
  for (const leaf of leaves) {
    const seen = new Set<string>();
    for (let id = leaf.chainId; id !== undefined && !seen.has(id); ) {
      const chain = records.get("chain", id);
      if (chain === undefined) break;
      seen.add(id);
      found.push({ chainId: id, diffId: chain.diffId });
      id = chain.parent;
    }
  }
  return found;
}

/**
 * Refuses to name what is no image: all that a manifest which is here names must be here too; an index may lack
 * manifests, but not all of them.
 * @throws StrataError `image-incomplete`
 */
export function assertUsable(record: ImageRecord): void {
  const missing = missingParts(record).filter(({ role }) => role === "config" || role === "layer");
  const manifests = record.parts.filter(({ role }) => role === "manifest");
  const isEmpty = manifests.length > 0 && manifests.every(({ isHere }) => !isHere);
  const [first] = [...missing, ...(isEmpty ? manifests : [])];
  if (first === undefined) return;
  throw new StrataError({
    code: "image-incomplete",
    kind: "failed-precondition",
    message: `The image ${rootOf(record).digest} cannot be named: its ${first.role} ${first.digest} is not in the store`,
    details: { digest: first.digest },
    hint: "Copy it again",
  });
}
