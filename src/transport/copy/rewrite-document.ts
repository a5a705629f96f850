import type { RawDocument } from "../../image/index.ts";
import { ANNOTATION, type Digest, digestOf, isForeignLayer, type Manifest } from "../../oci/index.ts";
import type { ImageFormat, LayerCompression } from "./copy-options.ts";
import { formatOf, layerMediaType, mediaTypeIn } from "./media-types.ts";
import { isImage } from "./plan-blobs.ts";
import type { GraphNode } from "./read-graph.ts";

/** What became of a layer that was compressed anew. */
export interface ReplacedLayer {
  readonly digest: Digest;
  readonly size: number;
  readonly compression: LayerCompression;
}

/** What has changed below a document, by the digests of before. */
export interface Changes {
  readonly layers: ReadonlyMap<Digest, Pick<ReplacedLayer, "compression"> & Partial<ReplacedLayer>>;
  readonly documents: ReadonlyMap<Digest, RawDocument>;
  /** Asked for by the user; undefined: as it is. */
  readonly format: ImageFormat | undefined;
}

/** A descriptor as its document spells it, with what we do not know. */
type RawDescriptor = Record<string, unknown> & { mediaType?: string; digest: Digest; size: number };
type RawManifest = Record<string, unknown> & { config?: RawDescriptor; layers?: RawDescriptor[] | null };
type RawIndex = Record<string, unknown> & { manifests?: RawDescriptor[] | null };

/** Whether the document must be written anew, given what changed below it. */
export function mustChange(node: GraphNode, changes: Changes): boolean {
  const { document, raw, children } = node;
  if (targetFormat(node, changes) !== formatOf(raw.mediaType)) return true;
  return document.kind === "index"
    ? children.some((child) => changes.documents.has(child.raw.digest))
    : isImage(document) && document.layers.some(({ digest }) => changes.layers.has(digest));
}

/**
 * The document with new descriptors in it and everything else as it was, the order of members included.
 * To be called only where {@link mustChange}.
 */
export function rewriteDocument(node: GraphNode, changes: Changes): RawDocument {
  const format = targetFormat(node, changes);
  const before: unknown = JSON.parse(Buffer.from(node.raw.bytes).toString("utf8"));
  const mediaType = mediaTypeIn(format, node.raw.mediaType);
  const after =
    node.document.kind === "index"
      ? rewriteIndex(before as RawIndex, changes)
      : rewriteManifest(before as RawManifest, { changes, format });
  const bytes = Buffer.from(JSON.stringify(withMediaType(after, mediaType)));
  return { mediaType, digest: digestOf(bytes), bytes };
}

/** zstd exists in OCI's family only, and an index of OCI manifests is OCI's too. Artifacts stay what they are. */
function targetFormat(node: GraphNode, changes: Changes): ImageFormat {
  const { document, raw, children } = node;
  const own = formatOf(raw.mediaType);
  if (document.kind === "index") {
    if (changes.format !== undefined) return changes.format;
    return children.some(({ raw: { digest } }) => formatAfter(digest, changes) === "oci") ? "oci" : own;
  }
  if (!isImage(document)) return own;
  return changes.format ?? (hasNewZstd(document, changes) ? "oci" : own);
}

function formatAfter(digest: Digest, { documents }: Changes): ImageFormat | undefined {
  const document = documents.get(digest);
  return document === undefined ? undefined : formatOf(document.mediaType);
}

function hasNewZstd({ layers }: Manifest, changes: Changes): boolean {
  return layers.some(({ digest }) => changes.layers.get(digest)?.compression === "zstd");
}

function withMediaType(document: Record<string, unknown>, mediaType: string): Record<string, unknown> {
  if ("mediaType" in document) return { ...document, mediaType };
  const { schemaVersion, ...rest } = document;
  return { schemaVersion, mediaType, ...rest };
}

function rewriteManifest(
  manifest: RawManifest,
  { changes, format }: { readonly changes: Changes; readonly format: ImageFormat },
): RawManifest {
  const { config, layers } = manifest;
  return {
    ...manifest,
    ...(config === undefined ? {} : { config: { ...config, mediaType: mediaTypeIn(format, config.mediaType ?? "") } }),
    layers: (layers ?? []).map((layer) => rewriteLayer(layer, { changes, format })),
  };
}

function rewriteLayer(
  layer: RawDescriptor,
  { changes, format }: { readonly changes: Changes; readonly format: ImageFormat },
): RawDescriptor {
  const { mediaType = "" } = layer;
  const replaced = changes.layers.get(layer.digest);
  if (replaced === undefined) return { ...layer, mediaType: mediaTypeIn(format, mediaType) };
  const { compression, digest = layer.digest, size = layer.size } = replaced;
  const { data: _data, urls: _urls, annotations, ...rest } = layer;
  return {
    ...rest,
    mediaType: layerMediaType(format, compression, isForeignLayer(mediaType)),
    digest,
    size,
    ...keepAnnotations(annotations),
  };
}

/** Annotations about the stored bytes: tables of contents inside them, which are gone. */
const ABOUT_BYTES =
  /^(?:io\.github\.containers\.zstd-chunked\.|containerd\.io\/snapshot\/stargz\/|io\.containers\.estargz\.)/;

function keepAnnotations(annotations: unknown): { annotations?: object } {
  if (typeof annotations !== "object" || annotations === null) return {};
  const kept = Object.entries(annotations).filter(([name]) => !ABOUT_BYTES.test(name));
  return kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) };
}

function rewriteIndex(index: RawIndex, { documents }: Changes): RawIndex {
  return { ...index, manifests: (index.manifests ?? []).map((child) => rewriteChild(child, documents)) };
}

/** BuildKit's statements name the manifest that they are about in an annotation. */
function rewriteChild(child: RawDescriptor, documents: Changes["documents"]): RawDescriptor {
  const annotations = child["annotations"] as Record<string, string> | undefined;
  const subject = documents.get((annotations?.[ANNOTATION.dockerReferenceDigest] ?? "") as Digest);
  const named =
    subject === undefined
      ? child
      : { ...child, annotations: { ...annotations, [ANNOTATION.dockerReferenceDigest]: subject.digest } };
  const replaced = documents.get(child.digest);
  if (replaced === undefined) return named;
  const { data: _data, ...rest } = named;
  return { ...rest, mediaType: replaced.mediaType, digest: replaced.digest, size: replaced.bytes.length };
}
