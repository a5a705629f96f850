import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectoryDurably, writeFileDurably } from "../../content/index.ts";
import { isLinux, readProcessFacts } from "../../linux/index.ts";
import { namesIn } from "../names-in.ts";
import { openSnapshotter, type SnapshotterOptions } from "../open-snapshotter.ts";
import { DRIVER_NAMES, type DriverName, type Snapshotter } from "../snapshotter.ts";

/**
 * Opens the snapshots below a root, kept in the given way; without one in the way that was chosen there at first, which
 * was the best that worked. The caller disposes them.
 * @throws StrataError as openSnapshotter
 */
export async function snapshotterFor(
  options: Omit<SnapshotterOptions, "driver"> & { readonly driver?: DriverName | undefined },
): Promise<Snapshotter> {
  const { root } = options;
  const driver = options.driver ?? (await driverFor(root));
  return await openSnapshotter({ ...options, driver });
}

/** The driver that was chosen for the snapshots below a root, or is now: the best that works. */
export async function driverFor(root: string): Promise<DriverName> {
  return (await rememberedDriver(root)) ?? (await chooseAndRemember(root));
}

/** In a user namespace other drivers work than outside of it, so each has a choice of its own. */
function choiceFile(root: string): string {
  const isInside = isLinux() && readProcessFacts().isInUserNamespace;
  return join(root, isInside ? "driver-in-namespace" : "driver");
}

/** Opens the snapshots of each driver that has any below the root. The caller disposes them. */
export async function openSnapshotters(options: Omit<SnapshotterOptions, "driver">): Promise<readonly Snapshotter[]> {
  const names = namesIn(options.root);
  const drivers = DRIVER_NAMES.filter((name) => names.includes(name));
  return await Promise.all(drivers.map((driver) => openSnapshotter({ ...options, driver })));
}

/** The driver that was chosen for these snapshots; undefined when none was yet. */
export async function rememberedDriver(root: string): Promise<DriverName | undefined> {
  try {
    const text = readFileSync(choiceFile(root), "utf8");
    return DRIVER_NAMES.find((name) => name === text.trim());
  } catch {
    return undefined;
  }
}

async function chooseAndRemember(root: string): Promise<DriverName> {
  await makeDirectoryDurably(root);
  const { chooseDriver } = await import("../choose-driver.ts");
  const { driver, canMount } = await chooseDriver({ root });
  // Whoever may mount nothing here has not tried what others may use later.
  if (canMount) await writeFileDurably(choiceFile(root), `${driver}\n`);
  return driver;
}
