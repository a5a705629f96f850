import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromText, toText } from "../../src/base/index.ts";
import { readMounts, unmount, writeXattr } from "../../src/linux/index.ts";

/** A directory of a test in memory where that keeps attributes as disks do, so that nothing waits for a disk. */
export interface ScratchMount extends Disposable {
  readonly directory: string;
  /** Where something is mounted below the directory, in the order of the mount table. */
  mountsBelow(): readonly string[];
}

/** Needs to be allowed to mount. Disposing it unmounts and removes all that is below it. */
export function makeScratchMount(): ScratchMount {
  const directory = mkdtempSync(join(tmpdir(), "scratch-mount-"));
  spawnSync("mount", ["-t", "tmpfs", "-o", "mode=0755", "scratch", directory]);
  if (!keepsXattrs(directory)) spawnSync("umount", [directory]);
  const mountsBelow = (): readonly string[] =>
    readMounts()
      .map(({ mountPoint }) => toText(mountPoint))
      .filter((place) => place.startsWith(`${directory}/`));
  return {
    directory,
    mountsBelow,
    [Symbol.dispose]() {
      for (const place of [...mountsBelow()].reverse()) unmount(fromText(place), { isLazy: true });
      spawnSync("umount", ["-l", directory]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** In memory, `user.*` came with Linux 6.6. */
function keepsXattrs(directory: string): boolean {
  try {
    writeXattr(fromText(directory), "user.test", new Uint8Array(1));
    return true;
  } catch {
    return false;
  }
}
