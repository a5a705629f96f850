import type { ByteString } from "../base/index.ts";
import { ROOT_SLOT, type Slot } from "./slot.ts";

/** What a walk that did not arrive returns instead of a slot: here, nothing has that name. */
export const NOT_FOUND = -1;
/** The way leads through something that is no directory. */
export const NOT_DIRECTORY = -2;
/** More symlinks were met than may be followed. */
export const TOO_MANY_LINKS = -3;

/** What a walk needs to know of a tree. */
export interface WalkedTree {
  isDirectory(slot: Slot): boolean;
  parentOf(slot: Slot): Slot;
  childOf(directory: Slot, name: ByteString): Slot | undefined;
  /** Target of a slot that holds a symlink; undefined for every other slot. */
  linkTargetOf(slot: Slot): ByteString | undefined;
}

export interface WalkOptions {
  /** Directory that the path is relative to; the root by default. Absolute symlinks lead to the root in any case. */
  readonly from?: Slot;
  /** Follow a symlink in the last place too. A trailing slash does so in any case, as in the kernel. */
  readonly followLast: boolean;
  /** Symlinks followed before the walk gives up with {@link TOO_MANY_LINKS}. */
  readonly maxLinks: number;
  /**
   * Called where the walk would end because `name` is missing or no directory: makes a directory there. What a `..` leaves
   * again is not made, as with {@link skipDetours}.
   */
  readonly makeDirectory?: (parent: Slot, name: ByteString) => Slot;
  /** A way into something missing and out again is none: `missing/../x` is `x`, as it is to umoci and containerd. */
  readonly skipDetours?: boolean;
}

/**
 * Resolves a path as the kernel does inside a chroot: symlinks anywhere on the way, absolute targets from the root,
 * `..` physically and never above the root (path_resolution(7)).
 *
 * @returns the slot, or one of the negative numbers above
 */
export function walkPath(tree: WalkedTree, path: ByteString, options: WalkOptions): Slot {
  const walker = { slot: options.from ?? ROOT_SLOT, pending: path.split("/").reverse(), links: 0 };
  for (let name = walker.pending.pop(); name !== undefined; name = walker.pending.pop()) {
    if (!tree.isDirectory(walker.slot)) return NOT_DIRECTORY;
    const next = step(tree, walker, name, options);
    if (next < 0) return next;
    walker.slot = next;
  }
  return walker.slot;
}

interface Walker {
  slot: Slot;
  /** Names still to go, the next one last. */
  pending: ByteString[];
  links: number;
}

/** One name further; where that is a symlink to follow, its target becomes the way ahead. */
function step(tree: WalkedTree, walker: Walker, name: ByteString, options: WalkOptions): Slot {
  if (name === "" || name === ".") return walker.slot;
  if (name === "..") return tree.parentOf(walker.slot);
  const child = tree.childOf(walker.slot, name);
  const mayFollow = options.followLast || walker.pending.length > 0;
  const target = child === undefined || !mayFollow ? undefined : tree.linkTargetOf(child);
  if (target !== undefined) return follow(walker, target, options.maxLinks);
  if (child !== undefined && (options.makeDirectory === undefined || tree.isDirectory(child))) return child;
  const mayMiss = options.makeDirectory !== undefined || options.skipDetours === true;
  if (child === undefined && mayMiss && skipDetour(walker.pending)) return walker.slot;
  if (options.makeDirectory === undefined) return NOT_FOUND;
  return options.makeDirectory(walker.slot, name);
}

/** Whether the way leaves a directory that is missing again: then all of the detour is taken off the way. */
function skipDetour(pending: ByteString[]): boolean {
  let depth = 1;
  for (let next = pending.length - 1; next >= 0; next--) {
    const name = pending[next];
    if (name === "" || name === ".") continue;
    depth += name === ".." ? -1 : 1;
    if (depth > 0) continue;
    pending.length = next;
    return true;
  }
  return false;
}

function follow(walker: Walker, target: ByteString, maxLinks: number): Slot {
  if (++walker.links > maxLinks) return TOO_MANY_LINKS;
  if (target === "") return NOT_FOUND;
  walker.pending = walker.pending.concat(target.split("/").reverse());
  return target.startsWith("/") ? ROOT_SLOT : walker.slot;
}
