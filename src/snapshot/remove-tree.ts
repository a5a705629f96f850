import { closeSync, promises as fs } from "node:fs";
import { join } from "node:path";
import { fileError } from "../content/index.ts";
import { namesIn, openDirectory, removeTreeAt } from "../linux/index.ts";

const OWNER_MAY_ALL = 0o700;

/**
 * Deletes a directory with all below it; nothing there is no error. Directories that their owner has closed are opened: images
 * have some, and only root passes them as they are. Some lie deeper than a path can say.
 * @throws StrataError as `fileError`: then a part may be gone
 */
export async function removeTree(path: string): Promise<void> {
  const remove = (): Promise<void> => fs.rm(path, { recursive: true, force: true });
  try {
    await remove().catch(async (error: unknown) => {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENAMETOOLONG") return await removeDeep(path);
      if (code !== "EACCES") throw error;
      await openDirectories(path);
      await remove();
    });
  } catch (error) {
    throw fileError(error, path, "write");
  }
}

/** What is moved on the way stays below the path. */
async function removeDeep(path: string): Promise<void> {
  const directory = openDirectory(path);
  try {
    for (const name of namesIn(directory)) removeTreeAt(directory, name);
  } finally {
    closeSync(directory);
  }
  await fs.rmdir(path);
}

async function openDirectories(path: string): Promise<void> {
  await fs.chmod(path, OWNER_MAY_ALL);
  for (const entry of await fs.readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openDirectories(join(path, entry.name));
  }
}
