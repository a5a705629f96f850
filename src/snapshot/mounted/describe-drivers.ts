import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fromText } from "../../base/index.ts";
import { fileError } from "../../content/index.ts";
import { sampleErofs } from "../../erofs/index.ts";
import { type Fact, type KernelFacts, type NamespaceFacts, probeKernel, probeNamespaces } from "../../linux/index.ts";
import { type DriverVerdict, judgeDrivers } from "../choose-driver.ts";
import type { DriverName } from "../snapshotter.ts";
import { rememberedDriver } from "./open-snapshotters.ts";

/** What works for this user, on this kernel, at the place of a store. */
export interface DriversHere {
  /** That the store uses, or would use. */
  readonly driver: DriverName;
  /** Whether the store was used with it before. */
  readonly isRemembered: boolean;
  readonly drivers: readonly DriverVerdict[];
  readonly kernel: KernelFacts;
  readonly namespaces: NamespaceFacts;
}

/**
 * Finds out by trying; nothing of it stays. A root that does not exist is judged by the directory in which it would be.
 * @throws StrataError as `fileError`: nothing can be written there
 */
export async function describeDrivers({ root }: { readonly root: string }): Promise<DriversHere> {
  const place = nearestDirectory(resolve(root));
  const at = fromText(place);
  try {
    const kernel = probeKernel({ at, sampleErofs: sampleErofs() });
    const { driver, verdicts } = judgeDrivers(kernel);
    const remembered = await rememberedDriver(root);
    return {
      driver: remembered ?? driver,
      isRemembered: remembered !== undefined,
      drivers: verdicts,
      kernel,
      namespaces: await probeNamespaces({ at }),
    };
  } catch (error) {
    throw fileError(error, place, "write");
  }
}

/** The facts that were tried, by their names, for people. */
export function factsOf({ kernel, namespaces }: DriversHere): readonly (readonly [name: string, fact: Fact])[] {
  return [
    ["mounting", kernel.mount],
    ["EROFS from a file", kernel.erofsFromFile],
    ["EROFS from a loop device", kernel.erofsFromLoop],
    ["overlay", kernel.overlay],
    ["overlay with userxattr", kernel.overlayUserxattr],
    ["500 lowers of an overlay", kernel.appendedLowers],
    ["btrfs at the store", kernel.btrfs],
    ["files that share blocks", kernel.reflink],
    ["user. attributes", kernel.userXattrs],
    ["trusted. attributes", kernel.trustedXattrs],
    ["whiteout devices", kernel.whiteouts],
    ["user namespace", namespaces.userNamespace],
    ["… with all ids of the user", namespaces.allIds],
    ["… with an overlay in it", namespaces.overlay],
  ];
}

function nearestDirectory(path: string): string {
  return existsSync(path) ? path : nearestDirectory(dirname(path));
}
