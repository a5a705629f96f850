import { type ByteString, fromText } from "../../base/index.ts";
import { type MountEntry, mountOf } from "../../linux/index.ts";
import { overlayParts } from "../mount-all.ts";
import type { Mount } from "../snapshotter.ts";

/**
 * Whether a mount is what mounting these would have made, told by what it shows. So one is known again whose maker died
 * before it could note which it is.
 */
export function isMountOf(entry: MountEntry, mounts: readonly Mount[]): boolean {
  const top = mounts.at(-1);
  switch (top?.type) {
    case undefined:
      return false;
    case "bind":
      return isBindOf(entry, fromText(top.source));
    case "overlay":
      return entry.type === "overlay" && isOverlayOf(entry, top.options.map(fromText));
    case "erofs":
      return entry.type === "erofs" && entry.source === fromText(top.source);
  }
}

function isBindOf({ device, root }: MountEntry, source: ByteString): boolean {
  const home = mountOf(source);
  if (home === undefined || home.device !== device) return false;
  return (
    root === (`${home.root}/${source.slice(home.mountPoint.length)}`.replace(/\/+/g, "/").replace(/\/$/, "") || "/")
  );
}

function isOverlayOf({ superOptions }: MountEntry, options: readonly ByteString[]): boolean {
  const shown = new Set(superOptions.flatMap((option) => option.slice(option.indexOf("=") + 1).split(":")));
  const { lowers, upper } = overlayParts(options);
  return upper === undefined ? lowers.every((lower) => shown.has(lower)) : shown.has(upper);
}
