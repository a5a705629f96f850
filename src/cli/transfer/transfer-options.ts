import { type Command, Option } from "commander";
import type { CopyImageOptions, CopyResult, PullEvent } from "../../index.ts";
import { containersStorageRoot } from "../containers-storage-root.ts";
import { parseCount } from "../parse-numbers.ts";
import { addRegistryOptions, type RegistryVerbOptions, registryOptions } from "../registry-options.ts";
import { addStoreOptions, type StoreVerbOptions } from "../store-options.ts";
import { storeRoot } from "../store-root.ts";
import type { Terminal } from "../terminal.ts";
import { createTransferProgress } from "./transfer-progress.ts";

/** What every verb has that moves images. */
export interface TransferOptions extends StoreVerbOptions, RegistryVerbOptions {
  readonly platform?: string;
  readonly allPlatforms?: boolean;
  readonly preserveDigests?: boolean;
  readonly compression?: "gzip" | "zstd" | "none";
  readonly compressionLevel?: number;
  readonly format?: "oci" | "docker";
  /** Only of `copy`: the store keeps what its names lead to, and signatures have none. */
  readonly referrers?: boolean;
  readonly jobs?: number;
}

/** Declares {@link TransferOptions}; those that convert only where `canConvert`. */
export function addTransferOptions(command: Command, { canConvert = true } = {}): Command {
  command
    .option("--platform <os/arch>", "choose from a multi-platform image, such as linux/arm64 or linux/arm/v7")
    .option("-a, --all-platforms", "the whole index: all platforms, attestations and artifacts");
  if (canConvert) addConversions(command);
  command.option("-j, --jobs <n>", "most blobs under way at once (default: 4)", parseCount);
  addRegistryOptions(command);
  return addStoreOptions(command, { json: "print events as JSON Lines", quiet: "no progress" });
}

function addConversions(command: Command): void {
  command
    .addOption(
      new Option("--compression <how>", "compress layers anew that are not so").choices(["gzip", "zstd", "none"]),
    )
    .option("--compression-level <n>", "1 to 9 for gzip, 1 to 19 for zstd", parseCount)
    .addOption(
      new Option("--format <types>", "media types of manifests (default: as they are; OCI's in layouts)").choices([
        "oci",
        "docker",
      ]),
    )
    .option("--preserve-digests", "keep manifests as they are, or fail");
}

/** What a transfer is run with. */
export type TransferRun = Omit<CopyImageOptions, "onEvent" | "limits"> & {
  readonly store: string;
  readonly onEvent: (event: PullEvent) => void;
};

/** Runs a transfer with its progress; what is passed over is told there. */
export async function transfer<Result>(
  { terminal, options }: { readonly terminal: Terminal; readonly options: TransferOptions },
  run: (options: TransferRun) => Promise<Result>,
): Promise<Result> {
  const progress = createTransferProgress(terminal, { json: options.json === true });
  const { platform, allPlatforms, preserveDigests, compression, compressionLevel, format, referrers, jobs } = options;
  try {
    return await run({
      platform,
      allPlatforms,
      preserveDigests,
      compression,
      compressionLevel,
      format,
      withReferrers: referrers,
      concurrency: jobs,
      store: storeRoot(options, terminal.env),
      registry: registryOptions(options, terminal.env),
      containersStorage: containersStorageRoot(terminal.env),
      stdin: terminal.stdin,
      stdout: (chunk) => terminal.stdout.send(chunk),
      signal: terminal.signal,
      onEvent: (event) => progress.report(event),
    });
  } finally {
    await progress.end();
  }
}

/** What there is to say when it is done, on stdout; nothing with `--json`, whose last event says it. */
export function tellResult(terminal: Terminal, options: TransferOptions, name: string, { root }: CopyResult): void {
  if (options.json === true) return;
  terminal.stdout.text(options.quiet === true ? `${root.digest}\n` : `${name} ${root.digest}\n`);
}
