import { StrataError } from "../../base/index.ts";
import { isLinux, mayMount, readProcessFacts } from "../../linux/index.ts";

/** Whether this process may mount anything at all: as root, or as root of a namespace of its own. */
export function canMountHere(): boolean {
  return isLinux() && mayMount(readProcessFacts());
}

/** @throws StrataError `mount-not-permitted` for whoever may mount nothing, with what works instead */
export function assertMayMount(): void {
  if (canMountHere()) return;
  throw new StrataError({
    code: "mount-not-permitted",
    kind: "failed-precondition",
    message: "Mounting needs root: all drivers do, erofs, overlay, btrfs and vfs",
    hint:
      "Run it as root; or in `strata unshare`, where you are root of a namespace of your own and the driver overlay works; " +
      "or write the files out: strata unpack IMAGE DIR",
  });
}
