import { hostPlatform } from "./host-platform.ts";
import type { PlatformChoice, SourceLimits } from "./image/index.ts";
import { parsePlatform } from "./oci/index.ts";
import { noStore } from "./resolve-name.ts";
import type { OpenDestinationOptions, RegistryOptions } from "./transport/index.ts";

/** Where names lead, and how what is there is reached. */
export interface PlaceOptions {
  /** Which image of an index: `linux/arm64`. Default: the platform of this machine. */
  readonly platform?: string | undefined;
  /** Where the local store lies: for `store:NAME`, and where names without a transport are looked up first. */
  readonly store?: string | undefined;
  readonly registry?: RegistryOptions | undefined;
  /** Where `containers-storage:REF` is sought. Default: `/var/lib/containers/storage`. */
  readonly containersStorage?: string | undefined;
  /** For what must be spooled. Default: the system's. */
  readonly temporaryDirectory?: string | undefined;
  /** What `-` stands for where an image is read. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined;
  /** What `-` stands for as the file of an archive that is written. */
  readonly stdout?: OpenDestinationOptions["stdout"];
  readonly signal?: AbortSignal | undefined;
}

/** Which image of an index is meant, and how much of documents is read. */
export function platformChoice({ platform }: Pick<PlaceOptions, "platform">, limits: SourceLimits): PlatformChoice {
  return {
    platform: platform === undefined ? undefined : parsePlatform(platform),
    hostPlatform: hostPlatform(),
    limits,
  };
}

/** Where the local store lies. @throws StrataError `no-store` */
export function rootOf(name: string, { store }: PlaceOptions): string {
  if (store === undefined) throw noStore(name);
  return store;
}
