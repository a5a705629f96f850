import { type BigIntStats, promises as fs } from "node:fs";
import { fileError } from "./file-error.ts";

/**
 * Identity of a file's present state: differs once the file was written to, replaced or touched.
 * @throws StrataError as openFile
 */
export async function fileStamp(path: string): Promise<string> {
  try {
    return stampOf(await fs.stat(path, { bigint: true }));
  } catch (error) {
    throw fileError(error, path);
  }
}

/** {@link fileStamp} from attributes at hand. */
export function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(":");
}
