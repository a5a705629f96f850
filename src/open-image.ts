import { type OpenImageOptions, openDocuments } from "./open-documents.ts";
import type { OpenedImage } from "./opened-image.ts";

/**
 * Opens an image wherever it lives: `docker-archive:PATH[:REF]`, `oci:PATH[:TAG]`, `oci-archive:PATH[:TAG]`, `dir:PATH`,
 * `tar:PATH`, `docker-root:PATH#REF`, `containers-storage:REF`, `docker://REF`, `store:NAME`, `-` for standard input; else
 * a name of the local store, a path whose format is recognised, or a reference to a registry, in this order.
 *
 * Reads every layer once, or not at all when the cache remembers it; extracts nothing. The caller disposes the image.
 *
 * @throws StrataError naming the image, and the layer, entry and offset where there is one
 */
export async function openImage(name: string, options: OpenImageOptions = {}): Promise<OpenedImage> {
  const documents = await openDocuments(name, options);
  try {
    return await documents.load();
  } catch (error) {
    await documents[Symbol.asyncDispose]();
    throw error;
  }
}
