import { createHash } from "node:crypto";
import { promises as fs, readFileSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { now, randomName } from "../../../base/index.ts";
import type { IndexCache } from "../../index-cache.ts";

const SUFFIX = ".index";
const TEMPORARY = ".partial";
const CHECKSUM_BYTES = 32;
/** A writer that has not finished by then is dead. */
const STALE_AFTER_MS = 60 * 60 * 1000;
const DEFAULT_MAX_BYTES = 512 * 1024 * 1024;

/** Where a cache lies, and how large it may grow. */
export interface LocalIndexCacheOptions {
  /** Made when it is first written to. May be deleted at any time. */
  readonly directory: string;
  /** Bound for the sum of all files, in bytes; 512 MiB unless given. */
  readonly maxBytes?: number | undefined;
}

/**
 * A cache of files named by the hash of their key, each ending in a checksum over key and bytes.
 * A file appears whole or not at all (written aside, synced, renamed); the least recently used are deleted first.
 */
export function createLocalIndexCache({ directory, maxBytes = DEFAULT_MAX_BYTES }: LocalIndexCacheOptions): IndexCache {
  const pathOf = (key: string): string => join(directory, createHash("sha256").update(key).digest("hex") + SUFFIX);
  return {
    async get(key) {
      const path = pathOf(key);
      try {
        // Read at once: a file of a few megabytes from memory takes less time than the way to another thread and back.
        const bytes = unseal(key, readFileSync(path));
        touch(path, bytes === undefined);
        return bytes;
      } catch {
        return undefined;
      }
    },
    async set(key, bytes) {
      if (bytes.length + CHECKSUM_BYTES > maxBytes) return;
      try {
        await fs.mkdir(directory, { recursive: true, mode: 0o700 });
        await writeAtomically(pathOf(key), [bytes, checksum(key, bytes)]);
        await evict(directory, maxBytes);
      } catch {
        // A place that cannot be written to is a cache that forgets at once.
      }
    },
  };
}

function checksum(key: string, bytes: Uint8Array): Buffer {
  return createHash("sha256").update(`${key}\0`).update(bytes).digest();
}

function unseal(key: string, file: Buffer): Uint8Array | undefined {
  if (file.length < CHECKSUM_BYTES) return undefined;
  const bytes = file.subarray(0, file.length - CHECKSUM_BYTES);
  return checksum(key, bytes).equals(file.subarray(bytes.length)) ? bytes : undefined;
}

/** Marks a file as used, or removes a damaged one. */
function touch(path: string, isDamaged: boolean): void {
  const time = now() / 1000;
  try {
    if (isDamaged) rmSync(path, { force: true });
    else utimesSync(path, time, time);
  } catch {
    // It may belong to somebody else; what was read from it is good all the same.
  }
}

async function writeAtomically(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const aside = `${path}.${randomName()}${TEMPORARY}`;
  try {
    const handle = await fs.open(aside, "wx", 0o600);
    try {
      await handle.writev(parts as Uint8Array[]);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(aside, path);
  } catch (error) {
    await fs.rm(aside, { force: true }).catch(() => {});
    throw error;
  }
}

/** Two processes may evict at once: a file that the other took is simply gone. */
async function evict(directory: string, maxBytes: number): Promise<void> {
  const files = await listFiles(directory);
  const isStale = ({ path, mtimeMs }: CachedFile): boolean =>
    path.endsWith(TEMPORARY) && now() - mtimeMs > STALE_AFTER_MS;
  await Promise.all(files.filter(isStale).map(({ path }) => fs.rm(path, { force: true })));
  const kept = files.filter(({ path }) => path.endsWith(SUFFIX)).sort((a, b) => a.mtimeMs - b.mtimeMs);
  let total = kept.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of kept) {
    if (total <= maxBytes) return;
    await fs.rm(path, { force: true });
    total -= size;
  }
}

interface CachedFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

async function listFiles(directory: string): Promise<CachedFile[]> {
  const names = (await fs.readdir(directory)).filter((name) => name.endsWith(SUFFIX) || name.endsWith(TEMPORARY));
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      const stats = await fs.stat(path).catch(() => undefined);
      return stats === undefined ? [] : [{ path, size: stats.size, mtimeMs: stats.mtimeMs }];
    }),
  );
  return files.flat();
}
