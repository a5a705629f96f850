import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import { basename, join } from "node:path";
import { isDigest } from "../../../oci/index.ts";
import type { ExpectedBlob, IngestStatus } from "../../content-store.ts";
import { fileError } from "./file-error.ts";

/**
 * What lies in `ingest/<sha256 of the ref>/`: `lock`, `ref` and `expected` (JSON) as text, `data`. All but `data` may be
 * missing or torn after a crash, and then says nothing; nothing in here is ever synced, because the digest judges `data`.
 */
export interface IngestDirectory {
  readonly path: string;
  readonly lock: string;
  readonly data: string;
}

const NAME = /^[0-9a-f]{64}$/;

/** The directory of a ref, whether it is there or not. */
export function ingestDirectory(ingests: string, ref: string): IngestDirectory {
  return directoryOf(ingests, nameOf(ref));
}

function nameOf(ref: string): string {
  return createHash("sha256").update(ref).digest("hex");
}

/** All directories that are there. */
export async function ingestDirectories(ingests: string): Promise<IngestDirectory[]> {
  try {
    return (await fs.readdir(ingests)).filter((name) => NAME.test(name)).map((name) => directoryOf(ingests, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw fileError(error, ingests);
  }
}

function directoryOf(ingests: string, name: string): IngestDirectory {
  const path = join(ingests, name);
  return { path, lock: join(path, "lock"), data: join(path, "data") };
}

/** What was said when the ingest began; empty when nobody knows any more. */
async function readExpected({ path }: IngestDirectory): Promise<ExpectedBlob> {
  try {
    const { digest, size } = JSON.parse(await fs.readFile(join(path, "expected"), "utf8")) as Record<string, unknown>;
    return {
      ...(typeof digest === "string" && isDigest(digest) ? { digest } : {}),
      ...(typeof size === "number" && Number.isSafeInteger(size) ? { size } : {}),
    };
  } catch {
    return {};
  }
}

/** Notes down whose bytes these are. The caller holds the lock. @throws StrataError as `fileError` */
export async function describeIngest(directory: IngestDirectory, ref: string, expected: ExpectedBlob): Promise<void> {
  const write = async (name: string, text: string): Promise<void> => {
    const path = join(directory.path, name);
    const before = await fs.readFile(path, "utf8").catch(() => undefined);
    if (before === text) return;
    await fs.writeFile(path, text).catch((error: unknown) => {
      throw fileError(error, path, "write");
    });
  };
  await Promise.all([write("ref", ref), write("expected", JSON.stringify(expected))]);
}

/**
 * The state of an ingest; undefined for the remains of one that has ended, or that died before its first byte.
 * @throws StrataError as `fileError`: then nothing is known
 */
export async function readStatus(directory: IngestDirectory, isActive: boolean): Promise<IngestStatus | undefined> {
  try {
    const path = join(directory.path, "ref");
    const [ref, named, data] = await Promise.all([fs.readFile(path, "utf8"), fs.stat(path), fs.stat(directory.data)]);
    if (nameOf(ref) !== basename(directory.path)) return undefined;
    const expected = await readExpected(directory);
    return { ref, offset: data.size, expected, startedAt: named.mtimeMs, updatedAt: data.mtimeMs, isActive };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, directory.path);
  }
}

/**
 * Removes the directory; the caller holds its lock, and lets it go afterwards. The lock file goes last: from then on somebody else
 * may begin the ref anew in the same directory, which then stays.
 */
export async function removeIngest({ path, lock }: IngestDirectory): Promise<void> {
  try {
    for (const name of await fs.readdir(path)) {
      if (join(path, name) !== lock) await fs.rm(join(path, name), { recursive: true, force: true });
    }
    await fs.rm(lock, { force: true });
    await fs.rmdir(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(code)) throw fileError(error, path, "write");
  }
}
