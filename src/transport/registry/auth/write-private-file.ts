import { mkdir, open, realpath, rename, rm } from "node:fs/promises";
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
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const target = await realpath(path).catch(() => path);
    await replace(target, text);
  } catch (error) {
    throw fileError(error, path, "write");
  }
}

async function replace(target: string, text: string): Promise<void> {
  const temporary = join(dirname(target), `.strata-${randomName()}`);
  try {
    await synced(temporary, async (file) => file.writeFile(text), "wx");
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await synced(dirname(target), async () => {}, "r");
}

type Handle = Awaited<ReturnType<typeof open>>;

async function synced(path: string, act: (file: Handle) => Promise<void>, flags: string): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await act(file);
    await file.sync();
  } finally {
    await file.close();
  }
}
