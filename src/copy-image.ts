import { availableParallelism } from "node:os";
import { createLocalScratch, type Scratch } from "./content/index.ts";
import { Held } from "./held.ts";
import { hostPlatform } from "./host-platform.ts";
import { openNamedArtifact, openNamedDestination } from "./named-places.ts";
import { parsePlatform } from "./oci/index.ts";
import type { PlaceOptions } from "./place-options.ts";
import { type CopyOptions, type CopyResult, copyArtifact } from "./transport/index.ts";

/** How an image is copied. */
export type CopyImageOptions = PlaceOptions & Omit<CopyOptions, "platform" | "hostPlatform" | "scratch" | "cores">;

/**
 * Copies an image, or with `allPlatforms` an index with all its images, between any two places: registries
 * (`docker://`), archives, layouts, the local store (`store:NAME`); some can be sources only. Blobs that are there
 * already stay; digests survive unless a conversion is asked for.
 *
 * After a failure the destination shows what it showed before; doing it again goes on from what arrived.
 *
 * @throws StrataError naming the image, and layer and digest where there is one
 */
export async function copyImage(from: string, to: string, options: CopyImageOptions = {}): Promise<CopyResult> {
  await using held = new Held();
  const scratch = held.add(createLocalScratch({ directory: options.temporaryDirectory }));
  const source = await openNamedArtifact(from, held, { options, scratch });
  const destination = await openNamedDestination(to, held, options);
  return await copyArtifact(source, destination, copyOptions(options, scratch));
}

/** The part of the options that copying itself wants. */
export function copyOptions(options: CopyImageOptions, scratch: Scratch): CopyOptions {
  const { platform } = options;
  return {
    ...options,
    platform: platform === undefined ? undefined : parsePlatform(platform),
    hostPlatform: hostPlatform(),
    cores: availableParallelism(),
    scratch,
  };
}
