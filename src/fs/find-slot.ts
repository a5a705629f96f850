import { type MergedTree, NOT_DIRECTORY, type Slot, TOO_MANY_LINKS } from "../union/index.ts";
import { errnoError } from "./errno-error.ts";
import type { ImagePath } from "./image-path.ts";

/**
 * Resolves a path for a call: inside the image, symlinks included, never above its root.
 *
 * @throws ENOENT, ENOTDIR or ELOOP, as the kernel would for the same tree
 */
export function findSlot(tree: MergedTree, path: ImagePath, syscall: string, followLast = true): Slot {
  const call = { syscall, path: path.text };
  if (path.bytes === "") throw errnoError("ENOENT", call);
  const slot = tree.find(path.bytes, { followLast });
  if (slot >= 0) return slot;
  if (slot === TOO_MANY_LINKS) throw errnoError("ELOOP", call);
  throw errnoError(slot === NOT_DIRECTORY ? "ENOTDIR" : "ENOENT", call);
}
