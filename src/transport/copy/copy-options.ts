import type { Scratch } from "../../content/index.ts";
import type { CopyEvent, Skipped, SourceLimits } from "../../image/index.ts";
import type { Descriptor, Platform } from "../../oci/index.ts";

/** How layers can be compressed on the way. */
export type LayerCompression = "gzip" | "zstd" | "none";

/** The two families of media types in which an image can be written down. */
export type ImageFormat = "oci" | "docker";

/** How something is copied. */
export interface CopyOptions {
  /** The platform that the user asks for: an image for another one is refused. */
  readonly platform?: Platform | undefined;
  /** The platform to prefer where an index offers several and none is asked for; `linux/amd64` unless given. */
  readonly hostPlatform?: Platform | undefined;
  /** Copies an index whole, attestations and artifacts included; else it is reduced to the manifest of one platform. */
  readonly allPlatforms?: boolean | undefined;
  /** Refuses whatever would change a manifest or an index. */
  readonly preserveDigests?: boolean | undefined;
  /** Layers that are compressed otherwise are compressed anew. Default: every layer stays as it is. */
  readonly compression?: LayerCompression | undefined;
  /** For {@link compression}; the codec's own default unless given. */
  readonly compressionLevel?: number | undefined;
  /**
   * Writes image manifests and their indexes with these media types. Default: as they are; but OCI's into an OCI layout,
   * where many readers find no others, unless {@link preserveDigests} or {@link withReferrers} forbids it.
   */
  readonly format?: ImageFormat | undefined;
  /** Most blobs under way at once; 4 unless given, and never more than the destination takes. */
  readonly concurrency?: number | undefined;
  /**
   * Whether the largest blob goes alone while it comes fast: for those who unpack what arrives, because it decides when
   * they are done. Default: no.
   */
  readonly hasHeadStart?: boolean | undefined;
  /** Names for a destination that has none of its own; those of the source unless given. */
  readonly names?: readonly string[] | undefined;
  /** Where recompressed layers lie until they are taken, at most one for each blob under way; temporary files unless given. */
  readonly scratch?: Scratch | undefined;
  /** Processors that compression may use; one unless given. */
  readonly cores?: number | undefined;
  /** Also what names the copied documents as its subject: signatures, SBOMs. */
  readonly withReferrers?: boolean | undefined;
  /** False leaves finishing to the caller, who copies more to the same destination. Default: true. */
  readonly shouldFinish?: boolean | undefined;
  readonly limits?: Partial<SourceLimits> | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: CopyEvent) => void) | undefined;
}

/** What was copied. */
export interface CopyResult {
  /** The manifest or index as it is at the destination. */
  readonly root: Descriptor;
  /** Of the one image that was copied; undefined for an index, for artifacts and where nothing tells it. */
  readonly platform: Platform | undefined;
  /** Number of blobs, each counted once; documents are not among them. */
  readonly blobs: { readonly present: number; readonly mounted: number; readonly transferred: number };
  /** Bytes of the blobs that were transferred, as they are at the destination. */
  readonly bytes: number;
  readonly skipped: readonly Skipped[];
}
