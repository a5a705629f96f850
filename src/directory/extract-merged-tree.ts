import type { MergedTree } from "../union/index.ts";
import type { ExtractionSource, ExtractOptions, ExtractReport } from "./extract-options.ts";

/** STUB */
export async function extractMergedTree(
  _directory: string,
  _tree: MergedTree,
  _source: ExtractionSource,
  _options: ExtractOptions = {},
): Promise<ExtractReport> {
  throw new Error("not yet");
}
