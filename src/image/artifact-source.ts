import type { ByteSource } from "../base/index.ts";
import type { Descriptor, DiffId } from "../oci/index.ts";
import type { BlobOrigin, RawDocument, Skipped } from "./image-source.ts";

/**
 * The port from which things are copied: an image, an index of images or any other artifact, as a graph of documents
 * and blobs by digest. Nothing about layers as file systems: that is `ImageSource`.
 *
 * Opening reads `root` only. Whoever opened it disposes it; every {@link ByteSource} from it is dead after that.
 */
export interface ArtifactSource extends AsyncDisposable {
  /** As the user wrote it; for messages. */
  readonly reference: string;
  /** Full name of the transport without its colon; `store` for the local store. */
  readonly transport: string;
  /** The names under which the place knows it, as spelled there. */
  readonly names: readonly string[];
  /** What the name leads to: a manifest or an index, verified against its digest. */
  readonly root: RawDocument;
  /**
   * True where the place has no manifest and `root` was made here from the config and the layers: then its digest is
   * nobody's promise, but the same image always gives the same one.
   */
  readonly isSynthetic: boolean;
  /** What was passed over by name. */
  readonly skipped: readonly Skipped[];
  /** Where registries may find the blobs already; undefined for places that are no registry. */
  readonly origin?: BlobOrigin | undefined;
  /**
   * A manifest or index that another document of this artifact names, with its exact bytes, verified.
   * @throws StrataError `blob-not-found`, `digest-mismatch`, `document-too-large`
   */
  readDocument(descriptor: Descriptor): Promise<RawDocument>;
  /**
   * The stored bytes of a config, layer or other blob, unverified: the taker holds them against the descriptor.
   * `stream({start})` is cheap on every transport, so that a broken transfer can go on. The caller disposes it.
   * @throws StrataError `blob-not-found`
   */
  openBlob(descriptor: Descriptor): Promise<ByteSource>;
  /** Where a registry may find this blob, for places that remember it of each. */
  originOf?(descriptor: Descriptor): BlobOrigin | undefined;
  /**
   * The uncompressed tar of a layer whose blob is not here any more, for who compresses it anyway; undefined where the blob
   * is here. Unverified as that is. The caller disposes it.
   */
  openTar?(descriptor: Descriptor, diffId: DiffId): Promise<ByteSource | undefined>;
  /** Documents that name this one as their subject: signatures, SBOMs. Absent where the place cannot tell. */
  referrers?(descriptor: Descriptor): Promise<readonly Descriptor[]>;
}
