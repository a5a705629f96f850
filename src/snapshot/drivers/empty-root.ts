import { promises as fs } from "node:fs";

/**
 * Gives a directory that was just made what the root of no layers at all has (as a directory that no layer tells of): whatever
 * the umask and the clock say, the same each time.
 */
export async function asEmptyRoot(directory: string): Promise<void> {
  await fs.chmod(directory, 0o755);
  await fs.utimes(directory, 0, 0);
}
