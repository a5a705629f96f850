import { promises as fs } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { randomName } from "../../../base/index.ts";
import { fileError } from "../../../content/index.ts";

/**
 * Writes a file that only its owner can read (0600, new directories 0700), and that appears complete or not at all, also
 * after a crash. Behind a symlink the target is replaced.
 * @throws StrataError of the file system; nothing is left behind
 */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  try {
    await fs.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const target = await fs.realpath(path).catch(() => path);
    await replace(target, text);
  } catch (error) {
    throw fileError(error, path, "write");
  }
}

async function replace(target: string, text: string): Promise<void> {
  const temporary = join(dirname(target), `.strata-${randomName()}`);
  try {
    await synced(temporary, async (file) => file.writeFile(text), "wx");
    await fs.rename(temporary, target);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
  await synced(dirname(target), async () => {}, "r");
}

async function synced(path: string, act: (file: FileHandle) => Promise<void>, flags: string): Promise<void> {
  const file = await fs.open(path, flags, 0o600);
  try {
    await act(file);
    await file.sync();
  } finally {
    await file.close();
  }
}
