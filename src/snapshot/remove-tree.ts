import { closeSync, promises as fs } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fromText } from "../base/index.ts";
import { fileError } from "../content/index.ts";
import { openDirectory, removeTreeAt } from "../linux/index.ts";

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
      if (code === "ENAMETOOLONG") return removeDeep(path);
      if (code !== "EACCES") throw error;
      await openDirectories(path);
      await remove();
    });
  } catch (error) {
    throw fileError(error, path, "write");
  }
}

function removeDeep(path: string): void {
  const parent = openDirectory(dirname(path));
  try {
    removeTreeAt(parent, fromText(basename(path)));
  } finally {
    closeSync(parent);
  }
}

async function openDirectories(path: string): Promise<void> {
  await fs.chmod(path, OWNER_MAY_ALL);
  for (const entry of await fs.readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openDirectories(join(path, entry.name));
  }
}
