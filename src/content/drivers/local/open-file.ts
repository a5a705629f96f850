import { type BigIntStats, promises as fs } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { StrataError } from "../../../base/index.ts";
import type { LocatedSource } from "../../file-location.ts";
import { fileError } from "./file-error.ts";
import { createFileSource } from "./file-source.ts";
import { stampOf } from "./file-stamp.ts";

/**
 * Opens a regular file for reading at any offset; its size is taken once, now.
 * @throws StrataError `file-not-found`, `permission-denied`, `is-a-directory`, `not-a-regular-file` (a pipe or a
 * device, which can only be read as a stream), `io-error` …
 */
export async function openFile(path: string): Promise<LocatedSource> {
  // Opening a pipe without a writer would wait for one.
  await assertRegular(path, () => fs.stat(path, { bigint: true }));
  const handle = await fs.open(path, "r").catch((error: unknown) => {
    throw fileError(error, path);
  });
  try {
    const stats = await assertRegular(path, () => handle.stat({ bigint: true }));
    return createFileSource({ handle, size: Number(stats.size), name: path, location: locate(path, stats) });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function locate(path: string, stats: BigIntStats): NonNullable<LocatedSource["location"]> {
  return { path, offset: 0, size: Number(stats.size), stamp: stampOf(stats) };
}

async function assertRegular(path: string, stat: () => ReturnType<FileHandle["stat"]>): Promise<BigIntStats> {
  const stats = (await stat().catch((error: unknown) => {
    throw fileError(error, path);
  })) as unknown as BigIntStats;
  if (stats.isFile()) return stats;
  if (stats.isDirectory()) throw fileError(Object.assign(new Error("is a directory"), { code: "EISDIR" }), path);
  throw new StrataError({
    code: "not-a-regular-file",
    kind: "unsupported",
    message: `Cannot read ${path} at random: it is not a regular file`,
    details: { path },
  });
}
