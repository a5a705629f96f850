import type { ByteString } from "../base/index.ts";
import { ROOT_SLOT, type Slot, type UnionState } from "./union-state.ts";

/** What a walk that did not arrive returns instead of a slot. */
export const NOT_FOUND = -1;
export const NOT_DIRECTORY = -2;
export const TOO_MANY_LINKS = -3;

export interface WalkOptions {
  /** Follow a symlink in the last place too. A trailing slash does so in any case, as in the kernel. */
  readonly followLast: boolean;
  /** Symlinks followed before the walk gives up with {@link TOO_MANY_LINKS}. */
  readonly maxLinks: number;
  /** Called where the walk would end because `name` is missing or no directory: makes a directory there. */
  readonly makeDirectory?: (parent: Slot, name: ByteString) => Slot;
}

/**
 * Resolves a path as the kernel does inside a chroot: symlinks anywhere on the way, absolute targets from the root,
 * `..` physically and never above the root (path_resolution(7)).
 *
 * @returns the slot, or one of the negative numbers above
 */
export function walkPath(state: UnionState, path: ByteString, options: WalkOptions): Slot {
  let pending = path.split("/").reverse();
  let slot: Slot = ROOT_SLOT;
  let links = 0;
  while (pending.length > 0) {
    const name = pending.pop() as ByteString;
    if (!state.isDirectory(slot)) return NOT_DIRECTORY;
    if (name === "" || name === ".") continue;
    if (name === "..") {
      slot = state.parentOf(slot);
      continue;
    }
    const child = state.childOf(slot, name);
    const isLast = pending.length === 0;
    const target = child === undefined || (isLast && !options.followLast) ? undefined : state.linkTargetOf(child);
    if (target !== undefined) {
      if (++links > options.maxLinks) return TOO_MANY_LINKS;
      if (target === "") return NOT_FOUND;
      if (target.startsWith("/")) slot = ROOT_SLOT;
      pending = pending.concat(target.split("/").reverse());
      continue;
    }
    if (options.makeDirectory !== undefined && (child === undefined || !state.isDirectory(child))) {
      slot = options.makeDirectory(slot, name);
    } else if (child === undefined) {
      return NOT_FOUND;
    } else {
      slot = child;
    }
  }
  return slot;
}
