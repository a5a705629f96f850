import { StrataError } from "../base/index.ts";
import { mergeLayers } from "../union/index.ts";
import type { ConformanceCase, Outcome } from "./conformance-case.ts";
import { indexOf, mergedFiles } from "./merged-files.ts";
import { tarScript } from "./tar-script.ts";

/** What this library makes of a case. Errors that are not its own are thrown on. */
export function runOnLibrary(test: ConformanceCase): Outcome {
  const tars = test.layers.map((steps) => tarScript(...steps));
  try {
    return { kind: "tree", files: mergedFiles(mergeLayers(tars.map(indexOf)), tars) };
  } catch (error) {
    if (!(error instanceof StrataError)) throw error;
    return { kind: "refused", code: error.code, message: error.message };
  }
}
