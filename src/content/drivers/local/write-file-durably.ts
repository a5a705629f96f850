import { promises as fs } from "node:fs";
import { dirname } from "node:path";
import { randomName } from "../../../base/index.ts";
import { fileError } from "./file-error.ts";
import { syncDirectory } from "./sync-directory.ts";

/**
 * Writes a file so that at any moment, a loss of power included, its name leads to the old bytes or to all of the new
 * ones; durable when it resolves. Written aside as `NAME.RANDOM.partial` in the same directory, which must exist.
 * `mode`: permission bits, less the umask; 0644 unless given.
 * @throws StrataError as `fileError`: nothing is left aside then
 */
export async function writeFileDurably(
  path: string,
  bytes: string | Uint8Array,
  { mode = 0o644 }: { readonly mode?: number } = {},
): Promise<void> {
  const aside = `${path}.${randomName()}.partial`;
  try {
    await fs.writeFile(aside, bytes, { flag: "wx", mode, flush: true });
    await fs.rename(aside, path);
  } catch (error) {
    await fs.rm(aside, { force: true }).catch(() => {});
    throw fileError(error, path, "write");
  }
  await syncDirectory(dirname(path));
}
