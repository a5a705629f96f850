import { type BigIntStats, promises as fs, fstatSync, statSync } from "node:fs";
import { StrataError } from "../../../base/index.ts";
import type { FileLocation, LocatedSource } from "../../file-location.ts";
import { fileError } from "./file-error.ts";
import { createFileSource } from "./file-source.ts";
import { stampOf } from "./file-stamp.ts";

/**
 * Opens a regular file for reading at any offset; its size is taken once, now. A path that is no text is given as bytes;
 * the source then has no location.
 * @throws StrataError `file-not-found`, `permission-denied`, `is-a-directory`, `not-a-regular-file` (a pipe or a
 * device, which can only be read as a stream), `io-error` …
 */
export async function openFile(path: string | Buffer): Promise<LocatedSource> {
  const name = path.toString();
  // Opening a pipe without a writer would wait for one.
  assertRegular(name, () => statSync(path, { bigint: true }));
  const handle = await fs.open(path, "r").catch((error: unknown) => {
    throw fileError(error, name);
  });
  try {
    const stats = assertRegular(name, () => fstatSync(handle.fd, { bigint: true }));
    const location = typeof path === "string" ? locate(path, stats) : undefined;
    return createFileSource({ handle, size: Number(stats.size), name, location });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function locate(path: string, stats: BigIntStats): FileLocation {
  return { path, offset: 0, size: Number(stats.size), stamp: stampOf(stats) };
}

/** Synchronous: a look takes microseconds, and an image may have hundreds of layers. */
function assertRegular(name: string, stat: () => BigIntStats): BigIntStats {
  const stats = statOrThrow(name, stat);
  if (stats.isFile()) return stats;
  if (stats.isDirectory()) throw fileError(Object.assign(new Error("is a directory"), { code: "EISDIR" }), name);
  throw new StrataError({
    code: "not-a-regular-file",
    kind: "unsupported",
    message: `Cannot read ${name} at random: it is not a regular file`,
    details: { path: name },
  });
}

function statOrThrow(name: string, stat: () => BigIntStats): BigIntStats {
  try {
    return stat();
  } catch (error) {
    throw fileError(error, name);
  }
}
