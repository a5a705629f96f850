import { StrataError } from "./base/index.ts";
import type { Scratch } from "./content/index.ts";
import { hostPlatform } from "./host-platform.ts";
import { parsePlatform } from "./oci/index.ts";
import type { PlaceOptions } from "./place-options.ts";
import type { OpenSourceOptions } from "./transport/index.ts";

/** The part of the options that the room `transport` wants. */
export function sourceOptions(options: PlaceOptions, scratch: Scratch): OpenSourceOptions {
  const { platform, registry, containersStorage, stdin, signal } = options;
  return {
    platform: platform === undefined ? undefined : parsePlatform(platform),
    hostPlatform: hostPlatform(),
    registry,
    containersStorage,
    stdin,
    signal,
    scratch,
  };
}

/** Whether a store could not be opened for writing, and perhaps for reading only. */
export function mayOnlyRead(error: unknown): boolean {
  return error instanceof StrataError && ["permission-denied", "read-only-file-system"].includes(error.code);
}
