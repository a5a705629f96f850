import { breakouts } from "./cases/breakouts.ts";
import { hardlinks } from "./cases/hardlinks.ts";
import { markers } from "./cases/markers.ts";
import { names } from "./cases/names.ts";
import { opaques } from "./cases/opaques.ts";
import { removals } from "./cases/removals.ts";
import { replacements } from "./cases/replacements.ts";
import { symlinkedParents } from "./cases/symlinked-parents.ts";
import type { ConformanceCase } from "./conformance-case.ts";

/** The conformance suite for layers: every way in which applying whiteouts and entries is known to go wrong, by chapter. */
export const whiteoutCases: ReadonlyMap<string, readonly ConformanceCase[]> = new Map([
  ["Whiteouts", removals],
  ["Opaque whiteouts", opaques],
  ["Marker names", markers],
  ["Replacements and attributes", replacements],
  ["Hardlinks", hardlinks],
  ["Symlinked parents", symlinkedParents],
  ["Names", names],
  ["Breakouts", breakouts],
]);
