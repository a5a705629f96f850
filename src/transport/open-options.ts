import type { Scratch } from "../content/index.ts";
import { DEFAULT_SOURCE_LIMITS, type PlatformChoice, type SourceLimits } from "../image/index.ts";
import type { Platform } from "../oci/index.ts";
import type { RegistryOptions } from "./registry/registry-options.ts";

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
  /** How registries are spoken to; anonymously and with certificates that are valid unless given. */
  readonly registry?: RegistryOptions | undefined;
  /** Where `containers-storage:REF` is sought; `/var/lib/containers/storage`, as for root, unless given. */
  readonly containersStorage?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** {@link OpenSourceOptions} with every default in place. */
export interface ResolvedOptions extends PlatformChoice {
  readonly stdin: AsyncIterable<Uint8Array> | undefined;
  readonly scratch: Scratch;
  readonly registry: RegistryOptions;
  readonly signal: AbortSignal | undefined;
}

/** Fills in the defaults. */
export function resolveOptions(options: OpenSourceOptions, scratch: Scratch): ResolvedOptions {
  const {
    platform,
    hostPlatform = { os: "linux", architecture: "amd64" },
    stdin,
    limits,
    registry = {},
    signal,
  } = options;
  return { platform, hostPlatform, stdin, scratch, limits: { ...DEFAULT_SOURCE_LIMITS, ...limits }, registry, signal };
}
