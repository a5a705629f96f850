import type { ExtractChangesOptions, ExtractionSource, ExtractReport } from "./extract-options.ts";
import type { TreeChanges } from "./tree-changes.ts";

/** STUB */
export async function extractChanges(
  _directory: string,
  _changes: TreeChanges,
  _source: ExtractionSource,
  _options: ExtractChangesOptions = {},
): Promise<ExtractReport> {
  throw new Error("not yet");
}
