import { type Command, Option } from "commander";
import type { DriverName, UnpackNamedOptions } from "../index.ts";
import { containersStorageRoot } from "./containers-storage-root.ts";
import { addLimitOptions, type LimitOptions, limitsOf } from "./image-options.ts";
import { parseCount } from "./parse-numbers.ts";
import { addRegistryOptions, type RegistryVerbOptions, registryOptions } from "./registry-options.ts";
import { addStoreOptions, type StoreVerbOptions } from "./store-options.ts";
import { storeRoot } from "./store-root.ts";
import type { Terminal } from "./terminal.ts";

/** The ways to keep snapshots; a copy, because what knows them takes long to load. */
export const SNAPSHOTTERS: readonly DriverName[] = ["erofs", "overlay", "btrfs", "vfs"];

/** What every verb has that unpacks an image. */
export interface UnpackVerbOptions extends StoreVerbOptions, RegistryVerbOptions, LimitOptions {
  readonly platform?: string;
  readonly snapshotter?: DriverName;
  readonly jobs?: number;
}

/** Declares {@link UnpackVerbOptions}; `json` as in {@link addStoreOptions}. */
export function addUnpackOptions(
  command: Command,
  { json = "print one JSON object", hasSnapshots = true } = {},
): Command {
  command.option("--platform <os/arch>", "choose from a multi-platform image, such as linux/arm64 or linux/arm/v7");
  if (hasSnapshots) addSnapshotterOption(command);
  command.option("-j, --jobs <n>", "layers unpacked at once (default: one for each processor)", parseCount);
  addLimitOptions(command);
  addRegistryOptions(command);
  return addStoreOptions(command, { json, quiet: "no progress and no notes" });
}

/** Declares `--snapshotter`. */
export function addSnapshotterOption(command: Command): Command {
  return command.addOption(
    new Option("--snapshotter <driver>", "how snapshots are kept (default: the best that works here: strata info)")
      .choices([...SNAPSHOTTERS])
      .env("STRATA_SNAPSHOTTER"),
  );
}

/** What the options mean to the library. */
export function unpackOptions(options: UnpackVerbOptions, terminal: Terminal): UnpackNamedOptions & { store: string } {
  const { platform, snapshotter, jobs } = options;
  return {
    platform,
    snapshotter,
    workers: jobs,
    limits: limitsOf(options),
    store: storeRoot(options, terminal.env),
    registry: registryOptions(options, terminal.env),
    containersStorage: containersStorageRoot(terminal.env),
    stdin: terminal.stdin,
    signal: terminal.signal,
  };
}
