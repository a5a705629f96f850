import type { ArtifactSource, Skipped } from "../../image/index.ts";
import type { ArtifactBlobs } from "./artifact-blobs.ts";
import { type GraphNode, nodesOf, type ReadGraphOptions, readGraph } from "./read-graph.ts";

/**
 * What names a document of the graph as its subject, and what names that, and so on (image-spec manifest.md#subject).
 * Each once; what lies below the root anyway is not among them.
 */
export async function findReferrers(
  source: ArtifactSource,
  { blobs, root }: { readonly blobs: ArtifactBlobs; readonly root: GraphNode },
  options: ReadGraphOptions,
): Promise<{ referrers: readonly GraphNode[]; skipped: readonly Skipped[] }> {
  if (source.referrers === undefined) {
    const reason = `${source.reference} cannot tell them`;
    return { referrers: [], skipped: [{ what: "what refers to the image", reason }] };
  }
  const seen = new Set<string>();
  const referrers: GraphNode[] = [];
  const pending = nodesOf(root, seen);
  for (let node = pending.shift(); node !== undefined; node = pending.shift()) {
    const { digest, mediaType, bytes } = node.raw;
    for (const descriptor of await source.referrers({ digest, mediaType, size: bytes.length })) {
      if (seen.has(descriptor.digest)) continue;
      const referrer = await readGraph(blobs, await blobs.readDocument(descriptor), options);
      pending.push(...nodesOf(referrer, seen));
      referrers.push(referrer);
    }
  }
  return { referrers, skipped: [] };
}
