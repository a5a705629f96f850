import { type ByteString, toBuffer } from "../base/index.ts";
import type { MergedNode } from "../union/index.ts";
import type { WhiteoutStyle } from "./extract-options.ts";
import type { Losses } from "./losses.ts";
import { OVERRIDE_STAT } from "./override-stat.ts";
import type { Attribute } from "./work-list.ts";

/** How extended attributes are treated. */
export interface AttributePolicy {
  readonly owners: "apply" | "record";
  readonly whiteouts: WhiteoutStyle;
}

const NONE: readonly Attribute[] = [];
const PREFIXES = { overlay: "trusted.overlay.", "overlay-user": "user.overlay." } as const;

/**
 * The attributes that a file gets. Labels of SELinux are of the host, not of the image; in an upper directory what looks like
 * overlayfs's own notes is escaped as the kernel reads it (overlayfs.rst, "Nesting overlayfs mounts").
 */
export function attributesOf(
  node: MergedNode,
  path: () => ByteString,
  { policy, losses }: { readonly policy: AttributePolicy; readonly losses: Losses },
): readonly Attribute[] {
  const { xattrs } = node;
  if (xattrs.size === 0) return NONE;
  const attributes: Attribute[] = [];
  for (const [name, value] of xattrs) {
    if (isForeign(name, policy)) losses.add({ what: "xattr", path: path(), name, reason: "policy" });
    else attributes.push({ name: escaped(name, policy.whiteouts), value });
  }
  return attributes;
}

function isForeign(name: ByteString, { owners }: AttributePolicy): boolean {
  return name === "security.selinux" || (owners === "record" && name === OVERRIDE_STAT) || name.includes("\0");
}

function escaped(name: ByteString, whiteouts: WhiteoutStyle): ByteString {
  const prefix = whiteouts === "none" ? undefined : PREFIXES[whiteouts];
  return prefix !== undefined && name.startsWith(prefix) ? `${prefix}overlay.${name.slice(prefix.length)}` : name;
}

/** The mark of an opaque directory. */
export function opaqueAttribute(whiteouts: Exclude<WhiteoutStyle, "none">): Attribute {
  return { name: `${PREFIXES[whiteouts]}opaque`, value: toBuffer("y") };
}
