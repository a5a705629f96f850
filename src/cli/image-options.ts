import type { Command } from "commander";
import type { Limits } from "../index.ts";
import { parseCount, parseSize } from "./parse-numbers.ts";
import { addRegistryOptions, type RegistryVerbOptions } from "./registry-options.ts";
import { addOutputOptions, type OutputOptions } from "./store-options.ts";
import type { StoreOptions } from "./store-root.ts";

/** How much of a layer is too much. */
export interface LimitOptions {
  readonly maxLayerBytes?: number;
  readonly maxExpansion?: number;
  readonly maxEntries?: number;
}

/** Declares {@link LimitOptions}. */
export function addLimitOptions(command: Command): Command {
  return command
    .option("--max-layer-bytes <size>", "refuse layers that are larger when decompressed (units: k M G T)", parseSize)
    .option(
      "--max-expansion <n>",
      "refuse layers over 1 GiB that decompress to more than n times their size",
      parseCount,
    )
    .option("--max-entries <n>", "refuse layers with more entries", parseCount);
}

/** The options that every verb which opens an image has. */
export interface ImageOptions extends StoreOptions, RegistryVerbOptions, OutputOptions, LimitOptions {
  readonly json?: boolean;
  /** Number of a layer, or the beginning of its diffID or chainID. */
  readonly layer?: string;
  readonly platform?: string;
  /** False for `--no-verify`. */
  readonly verify: boolean;
  /** False for `--no-cache`. */
  readonly cache: boolean;
  readonly cacheDir?: string;
}

/** Declares {@link ImageOptions}, below the verb's own options in the help. */
export function addImageOptions(command: Command, { hasLayer = true, json = "print JSON" } = {}): Command {
  if (json !== "") command.option("--json", json);
  command.optionsGroup("Image:");
  if (hasLayer) command.option("--layer <n>", "the view after layer n: a number from 0, or a diffID or chainID");
  command
    .option("--platform <os/arch>", "choose from a multi-platform image, such as linux/arm64 or linux/arm/v7")
    .option(
      "--no-verify",
      "seek through headers only: faster, but skips the digests of layers and cannot see changed bytes",
    )
    .option("--no-cache", "do not remember what layers contain, nor look it up")
    .option("--cache-dir <dir>", "where that is remembered (default: $XDG_CACHE_HOME/strata)");
  addLimitOptions(command).option(
    "--root <dir>",
    "the local store (default: $STRATA_ROOT, /var/lib/strata for root, else $XDG_DATA_HOME/strata)",
  );
  addRegistryOptions(command);
  return addOutputOptions(command);
}

/** The limits among the options, those that were given. */
export function limitsOf({ maxLayerBytes, maxExpansion, maxEntries }: LimitOptions): Partial<Limits> {
  return {
    ...(maxLayerBytes === undefined ? {} : { maxLayerBytes }),
    ...(maxExpansion === undefined ? {} : { maxExpansion }),
    ...(maxEntries === undefined ? {} : { maxEntries }),
  };
}
