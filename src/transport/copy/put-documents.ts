import { addDetails, assertNotAborted, mapConcurrent } from "../../base/index.ts";
import type { CopyEvent, ImageDestination, RawDocument } from "../../image/index.ts";
import type { Digest } from "../../oci/index.ts";
import type { GraphNode } from "./read-graph.ts";

/** What {@link putDocuments} works with. */
export interface PutDocumentsInit {
  readonly destination: ImageDestination;
  /** What was written anew, by the digests of before. */
  readonly documents: ReadonlyMap<Digest, RawDocument>;
  readonly concurrency: number;
  readonly signal: AbortSignal | undefined;
  readonly emit: (event: CopyEvent) => void;
}

/** Puts a document after all that it lists, each once, siblings side by side. */
export async function putDocuments(root: GraphNode, init: PutDocumentsInit): Promise<void> {
  const { destination, documents, concurrency, signal, emit } = init;
  const begun = new Map<Digest, Promise<void>>();
  const putOnce = (node: GraphNode): Promise<void> => {
    const known = begun.get(node.raw.digest);
    if (known !== undefined) return known;
    const put = putBelow(node);
    begun.set(node.raw.digest, put);
    return put;
  };
  const putBelow = async (node: GraphNode): Promise<void> => {
    await mapConcurrent(node.children, concurrency, putOnce);
    assertNotAborted(signal);
    const document = documents.get(node.raw.digest) ?? node.raw;
    const { digest, mediaType } = document;
    try {
      await destination.putDocument(document);
    } catch (error) {
      throw addDetails(error, { digest });
    }
    emit({ type: "document", digest, mediaType });
  };
  await putOnce(root);
}
