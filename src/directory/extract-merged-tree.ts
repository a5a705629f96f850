import type { MergedTree } from "../union/index.ts";
import { carryOut } from "./carry-out.ts";
import type { ExtractionSource, ExtractOptions, ExtractReport } from "./extract-options.ts";
import { Losses } from "./losses.ts";
import { planTree } from "./plan-work.ts";

/**
 * Writes all of a tree into a directory, which is made when it is absent (its parent must be there). It gets the metadata of
 * the tree's root. What fails leaves no trace in a directory that was absent or empty.
 *
 * @throws StrataError before anything is written: `unsafe-path`, `symlink-empty` (hostile), `tar-truncated` (malformed),
 *   `directory-not-empty`; while writing: `directory-changed`, `in-the-way`, `permission-denied`, `no-space`, `aborted` …
 */
export async function extractMergedTree(
  directory: string,
  tree: MergedTree,
  source: ExtractionSource,
  options: ExtractOptions = {},
): Promise<ExtractReport> {
  const losses = new Losses();
  const policy = { owners: options.owners ?? "apply", whiteouts: "none" } as const;
  const work = planTree(tree, { layers: tree.layers, policy, losses });
  return carryOut(directory, { work, source, isInPlace: false, losses, options });
}
