import { StrataError } from "../../base/index.ts";
import type { Descriptor } from "../../oci/index.ts";
import type { DecompressOptions } from "../../tar/index.ts";

/** Bounds for what an image may make us read before its first layer is looked at. */
export interface SourceLimits {
  /** Longest manifest, index or config, in bytes; 4 MiB unless given. */
  readonly maxDocumentBytes: number;
  /** Deepest nesting of indexes; 8 unless given. */
  readonly maxIndexDepth: number;
  /** Most manifests that all indexes together may list; 10,000 unless given. */
  readonly maxManifests: number;
  /** What a compressed archive may grow to while it is spooled; the tar room's limits unless given. */
  readonly expansion: DecompressOptions;
}

/** 4 MiB for a document, 8 indexes deep, 10,000 manifests, the tar room's bounds for what is spooled. */
export const DEFAULT_SOURCE_LIMITS: SourceLimits = {
  maxDocumentBytes: 4 * 1024 * 1024,
  maxIndexDepth: 8,
  maxManifests: 10_000,
  expansion: {},
};

/** The error for an index below more indexes than `maxIndexDepth`. */
export function indexTooDeep({ digest }: Pick<Descriptor, "digest">, limit: number): StrataError {
  return new StrataError({
    code: "index-too-deep",
    kind: "hostile",
    message: `The index ${digest} lies deeper than ${limit} indexes`,
    details: { digest, limit },
  });
}

/** The error for indexes that list more than `maxManifests`. */
export function tooManyManifests(limit: number): StrataError {
  return new StrataError({
    code: "too-many-manifests",
    kind: "hostile",
    message: `The indexes of this image list more than ${limit} manifests`,
    details: { limit },
  });
}
