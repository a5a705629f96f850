import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ByteString, fromText, toText } from "../../src/base/index.ts";
import { readMounts, unmount, writeXattr } from "../../src/linux/index.ts";

/** A directory of a test in memory where that keeps attributes as disks do, so that nothing waits for a disk. */
export interface ScratchMount extends Disposable {
  readonly directory: string;
}

/** Needs to be allowed to mount. Disposing it removes all that is below, and throws when something is mounted there still. */
export function makeScratchMount(): ScratchMount {
  const directory = mkdtempSync(join(tmpdir(), "scratch-mount-"));
  spawnSync("mount", ["-t", "tmpfs", "-o", "mode=0755", "scratch", directory]);
  if (!keepsXattrs(directory)) spawnSync("umount", [directory]);
  return {
    directory,
    [Symbol.dispose]() {
      const left = mountsBelow(directory);
      for (const mountPoint of [...left].reverse()) unmount(mountPoint, { isLazy: true });
      spawnSync("umount", ["-l", directory]);
      rmSync(directory, { recursive: true, force: true });
      if (left.length > 0) throw new Error(`These were still mounted: ${left.map(toText).join(", ")}`);
    },
  };
}

function mountsBelow(directory: string): readonly ByteString[] {
  const places = readMounts().map(({ mountPoint }) => mountPoint);
  return places.filter((mountPoint) => mountPoint.startsWith(`${fromText(directory)}/`));
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
