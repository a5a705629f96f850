import { promises as fs } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileError } from "./file-error.ts";

/** File systems that cannot sync a directory say one of these. */
const CANNOT = new Set(["EINVAL", "ENOTSUP", "EPERM", "EISDIR"]);

/**
 * Makes the names in a directory durable: files that were made, renamed or removed in it stay so after a loss of power.
 * Their bytes are another matter. @throws StrataError as `fileError`
 */
export async function syncDirectory(path: string): Promise<void> {
  try {
    const handle = await fs.open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!CANNOT.has((error as NodeJS.ErrnoException).code ?? "")) throw fileError(error, path, "write");
  }
}

/**
 * Makes a directory and those above it that are missing, durable when it resolves. It may be there already.
 * @throws StrataError as `fileError`
 */
export async function makeDirectoryDurably(path: string): Promise<void> {
  const first = await fs.mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw fileError(error, path, "write");
  });
  if (first === undefined) return;
  const top = dirname(resolve(first));
  for (let made = dirname(resolve(path)); ; made = dirname(made)) {
    await syncDirectory(made);
    if (made === top) return;
  }
}
