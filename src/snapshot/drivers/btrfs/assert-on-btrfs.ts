import { statfsSync } from "node:fs";
import { StrataError } from "../../../base/index.ts";

/** BTRFS_SUPER_MAGIC of linux/magic.h. */
const BTRFS = 0x9123_683e;

/** @throws StrataError `not-on-btrfs` for a directory on another file system; an errno error where there is none */
export function assertOnBtrfs(directory: string): void {
  if (statfsSync(directory).type === BTRFS) return;
  throw new StrataError({
    code: "not-on-btrfs",
    kind: "failed-precondition",
    message: `Cannot keep snapshots with btrfs in ${directory}: its file system is another one`,
    details: { path: directory },
    hint: "Put the root of the store onto a btrfs (--root, STRATA_ROOT), or choose another driver",
  });
}
