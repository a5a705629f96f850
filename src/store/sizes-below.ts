import { promises as fs } from "node:fs";
import { join } from "node:path";

/** Lengths in bytes of all regular files below a directory, as far as they can be looked at. Symlinks are not followed. */
export async function sizesBelow(directory: string): Promise<number[]> {
  const entries = await fs.readdir(directory, { withFileTypes: true, recursive: true }).catch(() => []);
  const sizes: number[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const stats = await fs.lstat(join(entry.parentPath, entry.name)).catch(() => undefined);
    if (stats !== undefined) sizes.push(stats.size);
  }
  return sizes;
}
