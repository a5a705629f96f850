import { getSystemErrorName } from "node:util";
import { StrataError } from "../../base/index.ts";
import { fileError } from "../../content/index.ts";

/** The error for tables that cannot be read. */
export function metadataUnreadable(path: string, problem: string, cause?: unknown): StrataError {
  return new StrataError({
    code: "store-metadata-unreadable",
    kind: "integrity",
    message: `The tables of the store in ${path} cannot be read: ${problem}`,
    details: { path },
    hint: "Repair the store: what the blobs and index.json tell is derived anew",
    cause,
  });
}

/** What LMDB throws, as an error of ours: the system's by its name, all else as damage. */
export function metadataError(error: unknown, path: string): unknown {
  if (error instanceof StrataError || !(error instanceof Error)) return error;
  const { code } = error as { code?: unknown };
  if (typeof code === "number" && code > 0) {
    return fileError(Object.assign(error, { code: getSystemErrorName(-code) }), path, "write");
  }
  const isOurs = typeof code === "number" || error instanceof SyntaxError;
  return isOurs ? metadataUnreadable(path, error.message, error) : error;
}
