import type { FileMaker } from "../linux/index.ts";

/** How files are made, the same for all of an extraction. Crosses threads. */
export interface Manner {
  readonly owners: "apply" | "record";
  /** Take the place of files that are there. */
  readonly replaces: boolean;
  readonly maker: FileMaker;
  /** New files may get another group than the maker's (a setgid directory, mounted with `grpid`): always set it. */
  readonly alwaysOwns: boolean;
}

const SPECIAL_BITS = 0o7000;

/** Whether a file made by us has other owners than it shall have. */
export function needsOwner({ owners, maker, alwaysOwns }: Manner, uid: number, gid: number): boolean {
  return owners === "apply" && (alwaysOwns || uid !== maker.uid || gid !== maker.gid);
}

/** Whether a file that was made with these permission bits has others. Setting an owner clears some, too. */
export function needsMode({ maker }: Manner, mode: number): boolean {
  return (mode & (SPECIAL_BITS | maker.umask)) !== 0;
}

/** What of a mode is applied: a file whose owner is only recorded stays usable for its maker, and nobody gets more by it. */
export function appliedMode({ owners }: Manner, mode: number, least: number): number {
  return owners === "apply" ? mode : (mode & ~SPECIAL_BITS) | least;
}
