import type { Descriptor } from "../../oci/index.ts";
import type { ArtifactSource } from "../artifact-source.ts";
import type { RawDocument } from "../image-source.ts";
import { assertSize, type BlobPlace, missingBlob, readDocument } from "./blob-place.ts";
import { DEFAULT_SOURCE_LIMITS, type SourceLimits } from "./source-limits.ts";

/** What makes an {@link ArtifactSource} of a place that has blobs by digest. */
export interface ArtifactInit
  extends Pick<ArtifactSource, "reference" | "transport" | "names" | "origin" | "referrers"> {
  readonly blobs: BlobPlace;
  /** What the name leads to. */
  readonly root: Descriptor;
  readonly limits?: SourceLimits;
  /** Ends what lies below. */
  readonly dispose: () => PromiseLike<void>;
}

/** Opens the artifact whose root a place holds. @throws StrataError of {@link readDocument} */
export async function createArtifact(init: ArtifactInit): Promise<ArtifactSource> {
  const { blobs, root, limits = DEFAULT_SOURCE_LIMITS, dispose, ...common } = init;
  const documentAt = async (descriptor: Descriptor): Promise<RawDocument> => {
    const maxBytes = limits.maxDocumentBytes;
    const bytes = await readDocument(blobs, descriptor, { what: "manifest", role: "manifest", maxBytes });
    return { mediaType: descriptor.mediaType, digest: descriptor.digest, bytes };
  };
  return {
    ...common,
    isSynthetic: false,
    skipped: [],
    root: await documentAt(root),
    readDocument: documentAt,
    openBlob: async (descriptor) => {
      const { digest } = descriptor;
      const source = await blobs.open(digest, "blob");
      if (source === undefined) throw missingBlob(blobs, digest, "blob");
      try {
        assertSize(source.size, descriptor, `blob ${digest}`);
      } catch (error) {
        await source[Symbol.asyncDispose]();
        throw error;
      }
      return source;
    },
    [Symbol.asyncDispose]: async () => {
      await dispose();
    },
  };
}
