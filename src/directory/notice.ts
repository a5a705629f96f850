import type { ByteString } from "../base/index.ts";

/**
 * Something of a directory that its listing does not tell as it is:
 * - `socket`: left out, because no layer can hold one
 * - `vanished`: was there when its directory was read, and gone or replaced a moment later
 * - `unreadable`: a directory that may not be read, listed as if nothing were in it
 * - `mount-point`: something else is mounted there, which is no part of the tree; what lies beneath cannot be seen
 * - `xattr`: attributes that are lost, or that mean nothing to those who read the listing
 */
export interface Notice {
  readonly what: "socket" | "vanished" | "unreadable" | "mount-point" | "xattr";
  /** Clean, from the root of the tree. */
  readonly path: ByteString;
  /** For people: completes "PATH: …". */
  readonly reason: string;
}
