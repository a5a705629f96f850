import { chmodSync, chownSync, lstatSync } from "node:fs";
import { type FileTime, fromText } from "../../../base/index.ts";
import { readXattrs, setFileTimes, writeXattr } from "../../../linux/index.ts";

/** What overlayfs says to itself about a directory says nothing about another one. */
const OWN_MARKS = /^(trusted|user)\.overlay\.(?!overlay\.)/;
/** The label of a security module belongs to the place, not to the tree. */
const LABEL = "security.selinux";

/**
 * Gives a directory the owner, mode, extended attributes and times of another one, so that it can stand for that one above it.
 * @throws errno errors: whoever is not root cannot give files away
 */
export function copyAttributes(from: string, to: string): void {
  const { uid, gid, mode, atimeNs, mtimeNs } = lstatSync(from, { bigint: true });
  const is = lstatSync(to);
  if (is.uid !== Number(uid) || is.gid !== Number(gid)) chownSync(to, Number(uid), Number(gid));
  chmodSync(to, Number(mode) & 0o7777);
  for (const [name, value] of readXattrs(fromText(from))) {
    if (!OWN_MARKS.test(name) && name !== LABEL) writeXattr(fromText(to), name, value);
  }
  setFileTimes(fromText(to), fileTime(atimeNs), fileTime(mtimeNs));
}

function fileTime(nanoseconds: bigint): FileTime {
  const part = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: Number((nanoseconds - part) / 1_000_000_000n), nanoseconds: Number(part) };
}
