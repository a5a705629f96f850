import { assertNotAborted, mapConcurrent } from "../../base/index.ts";
import { indexTooDeep, type RawDocument, type SourceLimits, tooManyManifests } from "../../image/index.ts";
import {
  type Descriptor,
  type ImageIndex,
  type Manifest,
  MEDIA_TYPE,
  mediaKind,
  parseManifest,
} from "../../oci/index.ts";
import type { ArtifactBlobs } from "./artifact-blobs.ts";

/** A document with all that lies below it. A document that several indexes list is one node. */
export interface GraphNode {
  /** With a media type, also where its index leaves that out. */
  readonly raw: RawDocument;
  readonly document: Manifest | ImageIndex;
  /** Of an index: what it lists, in its order, save what is no document. */
  readonly children: readonly GraphNode[];
  /** What the document names that is no document: config and layers; in an index, things of unknown types. */
  readonly blobs: readonly Descriptor[];
}

/** How far {@link readGraph} goes. */
export interface ReadGraphOptions {
  readonly limits: SourceLimits;
  readonly signal?: AbortSignal | undefined;
}

/** Requests for documents are small: some at once hide the way to the registry. */
const PARALLEL_READS = 4;

/**
 * Reads a document and all that it lists, down to the manifests.
 * @throws StrataError of kind hostile `index-too-deep`, `too-many-manifests`; of readDocument and parseManifest
 */
export async function readGraph(
  blobs: ArtifactBlobs,
  root: RawDocument,
  options: ReadGraphOptions,
): Promise<GraphNode> {
  const { limits, signal } = options;
  const nodes = new Map<string, Promise<GraphNode>>();
  let seen = 0;
  const nodeOf = (read: () => Promise<RawDocument>, digest: string, depth: number): Promise<GraphNode> => {
    const known = nodes.get(digest);
    if (known !== undefined) return known;
    const node = makeNode(read, depth);
    nodes.set(digest, node);
    return node;
  };
  const makeNode = async (read: () => Promise<RawDocument>, depth: number): Promise<GraphNode> => {
    assertNotAborted(signal);
    if (++seen > limits.maxManifests) throw tooManyManifests(limits.maxManifests);
    const found = await read();
    const { document, raw } = parse(found, limits);
    if (document.kind === "manifest") return { raw, document, children: [], blobs: blobsOf(document) };
    if (depth >= limits.maxIndexDepth) throw indexTooDeep(raw, limits.maxIndexDepth);
    const listed = document.manifests.filter(isDocument);
    const children = await mapConcurrent(listed, PARALLEL_READS, (child) =>
      nodeOf(() => blobs.readDocument(child), child.digest, depth + 1),
    );
    return { raw, document, children, blobs: document.manifests.filter((child) => !isDocument(child)) };
  };
  return await nodeOf(async () => root, root.digest, 0);
}

/** Every node once, children before what lists them. */
export function nodesOf(root: GraphNode, seen = new Set<string>()): GraphNode[] {
  if (seen.has(root.raw.digest)) return [];
  seen.add(root.raw.digest);
  return [...root.children.flatMap((child) => nodesOf(child, seen)), root];
}

function parse(found: RawDocument, { maxDocumentBytes: maxBytes }: SourceLimits): Pick<GraphNode, "raw" | "document"> {
  const { digest, bytes } = found;
  const document = parseManifest(bytes, { what: `manifest ${digest}`, mediaType: found.mediaType, maxBytes });
  return { document, raw: { ...found, mediaType: found.mediaType || mediaTypeOf(document) } };
}

/** The type that a document gives itself; those of OCI may leave it out. */
export function mediaTypeOf({ kind, mediaType }: Manifest | ImageIndex): string {
  return mediaType || (kind === "index" ? MEDIA_TYPE.ociIndex : MEDIA_TYPE.ociManifest);
}

function isDocument({ mediaType }: Descriptor): boolean {
  return mediaType === "" || ["index", "manifest", "schema1"].includes(mediaKind(mediaType));
}

function blobsOf({ config, layers }: Manifest): readonly Descriptor[] {
  return [config, ...layers];
}
