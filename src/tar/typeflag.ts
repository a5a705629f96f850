import type { EntryType } from "./entry.ts";

const code = (character: string): number => character.charCodeAt(0);

/** The typeflags of which the parser knows more than the entry type. */
export const TYPEFLAG = {
  localPax: code("x"),
  /** Solaris' draft of PAX, same layout. */
  solarisPax: code("X"),
  globalPax: code("g"),
  longName: code("L"),
  longLink: code("K"),
  oldSparse: code("S"),
  dumpDirectory: code("D"),
} as const satisfies Record<string, number>;

/** Whether the header is one that completes a later one. */
export function isExtension(typeflag: number): boolean {
  return (
    typeflag === TYPEFLAG.localPax ||
    typeflag === TYPEFLAG.globalPax ||
    typeflag === TYPEFLAG.longName ||
    typeflag === TYPEFLAG.longLink ||
    typeflag === TYPEFLAG.solarisPax
  );
}

/** The entry type of a typeflag; undefined for what vendors keep to themselves. Unassigned ones are files (POSIX). */
export function typeOf(typeflag: number): EntryType | undefined {
  switch (typeflag) {
    case code("1"):
      return "hardlink";
    case code("2"):
      return "symlink";
    case code("3"):
      return "char";
    case code("4"):
      return "block";
    case code("5"):
    case TYPEFLAG.dumpDirectory:
      return "directory";
    case code("6"):
      return "fifo";
    case TYPEFLAG.oldSparse:
      return "file";
    default:
      return typeflag >= code("A") && typeflag <= code("Z") ? undefined : "file";
  }
}
