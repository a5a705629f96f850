import { type Command, InvalidArgumentError, Option } from "commander";
import type { Limits } from "../index.ts";
import type { ColorChoice } from "./terminal.ts";

/** The options that every verb which opens an image has. */
export interface ImageOptions {
  readonly json?: boolean;
  /** Number of a layer, or the beginning of its diffID or chainID. */
  readonly layer?: string;
  readonly platform?: string;
  /** False for `--no-verify`. */
  readonly verify: boolean;
  /** False for `--no-cache`. */
  readonly cache: boolean;
  readonly cacheDir?: string;
  readonly maxLayerBytes?: number;
  readonly maxExpansion?: number;
  readonly maxEntries?: number;
  readonly quiet?: boolean;
  readonly color: ColorChoice;
}

/** Declares {@link ImageOptions}, below the verb's own options in the help. */
export function addImageOptions(command: Command, { hasLayer = true, json = "print JSON" } = {}): Command {
  if (json !== "") command.option("--json", json);
  command.optionsGroup("Image:");
  if (hasLayer) command.option("--layer <n>", "the view after layer n: a number from 0, or a diffID or chainID");
  return command
    .option("--platform <os/arch>", "choose from a multi-platform image, such as linux/arm64 or linux/arm/v7")
    .option(
      "--no-verify",
      "seek through headers only: faster, but skips the digests of layers and cannot see changed bytes",
    )
    .option("--no-cache", "do not remember what layers contain, nor look it up")
    .option("--cache-dir <dir>", "where that is remembered (default: $XDG_CACHE_HOME/strata)")
    .option("--max-layer-bytes <size>", "refuse layers that are larger when decompressed (units: k M G T)", parseSize)
    .option(
      "--max-expansion <n>",
      "refuse layers over 1 GiB that decompress to more than n times their size",
      parseCount,
    )
    .option("--max-entries <n>", "refuse layers with more entries", parseCount)
    .optionsGroup("Output:")
    .addOption(new Option("--color <when>", "colour the output").choices(["auto", "always", "never"]).default("auto"))
    .option("-q, --quiet", "no notes on stderr");
}

/** The limits among the options, those that were given. */
export function limitsOf({ maxLayerBytes, maxExpansion, maxEntries }: ImageOptions): Partial<Limits> {
  return {
    ...(maxLayerBytes === undefined ? {} : { maxLayerBytes }),
    ...(maxExpansion === undefined ? {} : { maxExpansion }),
    ...(maxEntries === undefined ? {} : { maxEntries }),
  };
}

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** `512`, `10k`, `1.5G`, `2GiB`: a number of bytes. */
export function parseSize(text: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  if (match === null) throw new InvalidArgumentError("Write a number of bytes, such as 4096, 10M or 2G.");
  return Math.floor(Number(match[1]) * (UNITS[(match[2] ?? "").toLowerCase()] ?? 1));
}

/** A whole number from 0. */
export function parseCount(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw new InvalidArgumentError("Write a whole number.");
  return Number(text);
}
