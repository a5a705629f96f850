import { promises as fs } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { randomName } from "../../base/index.ts";
import { fileError, makeDirectoryDurably, syncDirectory } from "../../content/index.ts";
import type { StoreLayout } from "../store-layout.ts";

/**
 * Moves something out of the way, durably; nothing that is damaged is ever deleted.
 * @param path relative to the root, as the result is
 * @returns undefined when it was not there any more
 */
export async function quarantine({ root, quarantine: to }: StoreLayout, path: string): Promise<string | undefined> {
  const from = join(root, path);
  const target = join(to, `${path.replaceAll(/[/\\]/g, "-")}.${randomName()}`);
  await makeDirectoryDurably(to);
  try {
    await fs.rename(from, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, from, "write");
  }
  await syncDirectory(to);
  await syncDirectory(dirname(from));
  return join(basename(to), relative(to, target));
}
