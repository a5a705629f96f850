import type { Scratch } from "../content/index.ts";
import type { Platform } from "../oci/index.ts";
import type { DecompressOptions } from "../tar/index.ts";

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

/** How to open a source. */
export interface OpenSourceOptions {
  /** The platform that the user asks for: an image for another one is refused. */
  readonly platform?: Platform | undefined;
  /** The platform to prefer where an image offers several and none is asked for; `linux/amd64` unless given. */
  readonly hostPlatform?: Platform | undefined;
  /** Read, once, when the name says `-`. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined;
  /** Where streams and compressed archives are spooled, the caller's; temporary files unless given. */
  readonly scratch?: Scratch | undefined;
  readonly limits?: Partial<SourceLimits> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** {@link OpenSourceOptions} with every default in place. */
export interface ResolvedOptions {
  readonly platform: Platform | undefined;
  readonly hostPlatform: Platform;
  readonly stdin: AsyncIterable<Uint8Array> | undefined;
  readonly scratch: Scratch;
  readonly limits: SourceLimits;
  readonly signal: AbortSignal | undefined;
}

/** Fills in the defaults. */
export function resolveOptions(options: OpenSourceOptions, scratch: Scratch): ResolvedOptions {
  const { platform, hostPlatform = { os: "linux", architecture: "amd64" }, stdin, limits, signal } = options;
  return { platform, hostPlatform, stdin, scratch, limits: { ...DEFAULT_SOURCE_LIMITS, ...limits }, signal };
}
