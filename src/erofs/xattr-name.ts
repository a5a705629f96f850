import type { ByteString } from "../base/index.ts";

/** Prefixes that are stored as a number; the two ACLs are whole names. */
const PREFIXES: readonly (readonly [ByteString, number])[] = [
  ["user.", 1],
  ["trusted.", 4],
  ["security.", 6],
];
const WHOLE_NAMES: ReadonlyMap<ByteString, number> = new Map([
  ["system.posix_acl_access", 2],
  ["system.posix_acl_default", 3],
]);
/** XATTR_NAME_MAX of the kernel. */
const LONGEST_NAME = 255;
/** Longest value that the 16 bits of its length can tell. */
const LONGEST_VALUE = 0xffff;
const OVERLAY = "trusted.overlay.";

/** The name of an xattr as an image has it. */
export interface StoredName {
  readonly index: number;
  readonly suffix: ByteString;
}

/** How an image stores a name; undefined when no kernel would take an attribute of this name or length. */
export function storedName(name: ByteString, valueLength: number): StoredName | undefined {
  if (name.length > LONGEST_NAME || valueLength > LONGEST_VALUE || name.includes("\0")) return undefined;
  const whole = WHOLE_NAMES.get(name);
  if (whole !== undefined) return { index: whole, suffix: "" };
  for (const [prefix, index] of PREFIXES) {
    if (name.startsWith(prefix) && name.length > prefix.length) return { index, suffix: name.slice(prefix.length) };
  }
  return undefined;
}

/** The whole name again. @throws never: an unknown number gives a name that begins with it */
export function wholeName({ index, suffix }: StoredName): ByteString {
  for (const [name, number] of WHOLE_NAMES) if (number === index) return name;
  return `${PREFIXES.find(([, number]) => number === index)?.[0] ?? `${index}.`}${suffix}`;
}

/** Whether overlayfs would take the attribute for one of its own. */
export function isOverlayXattr(name: ByteString): boolean {
  return name.startsWith(OVERLAY);
}

/** The name under which overlayfs shows it again as what it was (Documentation/filesystems/overlayfs.rst, nesting). */
export function escapeOverlayXattr(name: ByteString): ByteString {
  return `${OVERLAY}overlay.${name.slice(OVERLAY.length)}`;
}
