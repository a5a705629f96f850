import { carryOut } from "./carry-out.ts";
import type { ExtractChangesOptions, ExtractionSource, ExtractReport } from "./extract-options.ts";
import { Losses } from "./losses.ts";
import { planChanges } from "./plan-work.ts";
import type { TreeChanges } from "./tree-changes.ts";

/**
 * Writes what one layer changes. With whiteout style `none` the directory holds the merge of the layers below, and
 * holds the merge with this one afterwards; when that fails it is left in between. With the others the directory is new or
 * empty and becomes an upper directory of overlayfs; what fails leaves no trace there.
 *
 * @throws StrataError as `extractMergedTree` does; in place also `directory-changed` when the directory is not what it has to be
 */
export async function extractChanges(
  directory: string,
  changes: TreeChanges,
  source: ExtractionSource,
  options: ExtractChangesOptions = {},
): Promise<ExtractReport> {
  const losses = new Losses();
  const whiteouts = options.whiteouts ?? "none";
  const policy = { owners: options.owners ?? "apply", whiteouts };
  const work = planChanges(changes, { layers: changes.layers, policy, losses });
  return carryOut(directory, { work, source, isInPlace: whiteouts === "none", losses, options });
}
