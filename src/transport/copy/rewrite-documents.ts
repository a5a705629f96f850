import { StrataError } from "../../base/index.ts";
import type { RawDocument } from "../../image/index.ts";
import type { Digest } from "../../oci/index.ts";
import type { GraphNode } from "./read-graph.ts";
import { type Changes, mustChange, rewriteDocument } from "./rewrite-document.ts";

/** The documents that must be written anew, by the digests of before. `nodes` has children before what lists them. */
export function rewriteDocuments(
  nodes: readonly GraphNode[],
  changes: Omit<Changes, "documents">,
): Map<Digest, RawDocument> {
  const documents = new Map<Digest, RawDocument>();
  for (const node of nodes) {
    const soFar = { ...changes, documents };
    if (mustChange(node, soFar)) documents.set(node.raw.digest, rewriteDocument(node, soFar));
  }
  return documents;
}

/** Refuses a copy that would give anything another digest. @throws StrataError `digest-not-preserved` */
export function assertPreserved(nodes: readonly GraphNode[], documents: ReadonlyMap<Digest, RawDocument>): void {
  const changed = nodes.find(({ raw }) => documents.has(raw.digest));
  if (changed === undefined) return;
  const { digest } = changed.raw;
  throw new StrataError({
    code: "digest-not-preserved",
    kind: "failed-precondition",
    message: `The manifest ${digest} would get another digest: its layers or its format are to be converted`,
    details: { digest },
    hint: "Leave out --preserve-digests, or --compression and --format",
  });
}
