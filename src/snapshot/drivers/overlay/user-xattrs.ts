import { constants } from "node:os";
import { fromText } from "../../../base/index.ts";
import { writeXattr } from "../../../linux/index.ts";

const REFUSALS: readonly (number | undefined)[] = [-constants.errno.EPERM, -constants.errno.EACCES];

/**
 * Whether overlayfs has to keep its marks in `user.overlay.*`: in a user namespace, or for whoever will mount in one,
 * `trusted.*` is out of reach. Tried at a directory of ours, because nothing else tells for certain.
 * @throws an errno error where the file system knows no extended attributes (`ENOTSUP`)
 */
export function needsUserXattrs(directory: string): boolean {
  try {
    writeXattr(fromText(directory), "trusted.strata", new Uint8Array(0));
    return false;
  } catch (error) {
    if (REFUSALS.includes((error as NodeJS.ErrnoException).errno)) return true;
    throw error;
  }
}
