import { fromText } from "../base/index.ts";
import { fileError, makeDirectoryDurably } from "../content/index.ts";
import { sampleErofs } from "../erofs/index.ts";
import { type Fact, isLinux, type KernelFacts, probeKernel } from "../linux/index.ts";
import type { DriverName } from "./snapshotter.ts";

/** Whether a driver works, and why. */
export interface DriverVerdict {
  readonly driver: DriverName;
  readonly works: boolean;
  /** For people, a clause: what it stands on, or what it would need. */
  readonly reason: string;
}

/** A driver, and why it is this one. */
export interface DriverChoice {
  readonly driver: DriverName;
  /** Whether this process could mount its snapshots. */
  readonly canMount: boolean;
  /** All drivers, the best first. */
  readonly verdicts: readonly DriverVerdict[];
}

/** Where snapshots shall lie. */
export interface ChooseDriverOptions {
  /** As in `openSnapshotter`: made when it is missing. */
  readonly root: string;
  /** What is known of the kernel there already; otherwise it is found out by trying, in some milliseconds. */
  readonly facts?: KernelFacts | undefined;
}

/**
 * The best driver that works for this user, on this kernel and file system. @throws StrataError as `fileError`: nothing can
 * be written there
 */
export async function chooseDriver({ root, facts }: ChooseDriverOptions): Promise<DriverChoice> {
  await makeDirectoryDurably(root);
  if (!isLinux()) return ELSEWHERE;
  try {
    return judgeDrivers(facts ?? probeKernel({ at: fromText(root), sampleErofs: sampleErofs() }));
  } catch (error) {
    throw fileError(error, root, "write");
  }
}

/** {@link chooseDriver} where the facts are known. */
export function judgeDrivers(facts: KernelFacts): DriverChoice {
  const verdicts = [judgeErofs(facts), judgeOverlay(facts), judgeBtrfs(facts), judgeVfs(facts)];
  const driver = verdicts.find(({ works }) => works)?.driver ?? "vfs";
  return { driver, canMount: facts.mount.works, verdicts };
}

const ELSEWHERE: DriverChoice = {
  driver: "vfs",
  canMount: false,
  verdicts: [{ driver: "vfs", works: true, reason: "no other driver works without a Linux kernel" }],
};

/** A container needs an overlay on top of the image. */
function judgeErofs({ erofsFromFile, erofsFromLoop, overlay }: KernelFacts): DriverVerdict {
  const driver = "erofs";
  if (!overlay.works) return { driver, works: false, reason: `needs overlay: ${overlay.why}` };
  if (erofsFromFile.works) return { driver, works: true, reason: "the kernel mounts EROFS images straight from files" };
  if (erofsFromLoop.works) {
    const reason = `the kernel mounts EROFS images through loop devices (from files it does not: ${erofsFromFile.why})`;
    return { driver, works: true, reason };
  }
  return { driver, works: false, reason: `needs to mount EROFS: ${erofsFromLoop.why}` };
}

function judgeOverlay({ overlay, overlayUserxattr, userXattrs }: KernelFacts): DriverVerdict {
  const driver = "overlay";
  if (overlay.works) return { driver, works: true, reason: "the kernel mounts overlays here" };
  const inNamespace = firstFailure(overlayUserxattr, userXattrs);
  if (inNamespace === undefined) {
    return { driver, works: true, reason: "the kernel mounts overlays here, as in user namespaces (userxattr)" };
  }
  return { driver, works: false, reason: inNamespace };
}

function judgeBtrfs({ btrfs, mount }: KernelFacts): DriverVerdict {
  const why = firstFailure(btrfs, mount);
  if (why === undefined) return { driver: "btrfs", works: true, reason: "the directory is on btrfs" };
  return { driver: "btrfs", works: false, reason: why };
}

function judgeVfs({ reflink }: KernelFacts): DriverVerdict {
  const copies = reflink.works ? "its copies share their blocks here" : "every snapshot is a whole copy";
  return { driver: "vfs", works: true, reason: `works everywhere; ${copies}` };
}

function firstFailure(...facts: readonly Fact[]): string | undefined {
  for (const fact of facts) if (!fact.works) return fact.why;
  return undefined;
}
