import { createHash } from "node:crypto";
import { promises as fs, readFileSync } from "node:fs";
import { join } from "node:path";
import { randomName } from "../base/index.ts";
import { fileError, type IndexCache } from "../content/index.ts";
import type { StoreLayout } from "./store-layout.ts";

/** Of a digest, a diffID or a chainID inside of a key. */
const SUBJECT = /(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})/g;
const CHECKSUM_BYTES = 32;
const SUFFIX = ".index";

/** One remembered thing. */
export interface StoredIndex {
  readonly path: string;
  /** The layer, stack of layers or blob that it is about; empty where its key names none. */
  readonly subject: string;
  readonly size: number;
}

/**
 * The index cache of a store. Unlike one that stands alone it evicts nothing by age: what it holds is about layers that
 * are kept, and goes with them. Each file is named by its subject and the hash of its key, and begins with a checksum over
 * key and bytes; it appears whole or not at all.
 */
export function createStoreIndexCache({ indexes }: StoreLayout, isReadOnly: boolean): IndexCache {
  const pathOf = (key: string): string => join(indexes, fileName(key));
  return {
    async get(key) {
      return unsealFile(pathOf(key), key);
    },
    async set(key, bytes) {
      if (isReadOnly) return;
      const path = pathOf(key);
      const aside = `${path}.${randomName()}.partial`;
      try {
        await fs.mkdir(indexes, { recursive: true });
        const header = sealHeader(key);
        await fs.writeFile(aside, Buffer.concat([checksum(header, bytes), header, bytes]), { flag: "wx" });
        await fs.rename(aside, path);
      } catch {
        // A place that cannot be written to is a cache that forgets at once.
        await fs.rm(aside, { force: true }).catch(() => {});
      }
    },
  };
}

/** All that is remembered. */
export async function listIndexes({ indexes }: StoreLayout): Promise<StoredIndex[]> {
  const names = await fs.readdir(indexes).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw fileError(error, indexes);
  });
  const found: StoredIndex[] = [];
  for (const name of names.filter((one) => one.endsWith(SUFFIX))) {
    const path = join(indexes, name);
    const stats = await fs.stat(path).catch(() => undefined);
    const subject = name.includes("-") ? name.slice(0, name.lastIndexOf("-")).replace("-", ":") : "";
    if (stats !== undefined) found.push({ path, subject, size: stats.size });
  }
  return found;
}

/** Whether a remembered thing is what was once written under its name. False too when it is gone. */
export async function isIndexWhole({ path }: StoredIndex): Promise<boolean> {
  const file = await fs.readFile(path).catch(() => Buffer.alloc(0));
  return unseal(file) !== undefined && path.endsWith(fileName(keyOf(file)));
}

/** Forgets these. */
export async function removeIndexes(stale: readonly StoredIndex[]): Promise<void> {
  for (const { path } of stale) await fs.rm(path, { force: true });
}

/** `sha256-HEX-HASH.index`: the last digest in the key, then the hash of the key. */
function fileName(key: string): string {
  const subject = key.match(SUBJECT)?.at(-1);
  const hash = createHash("sha256").update(key).digest("hex").slice(0, 32);
  return subject === undefined ? `${hash}${SUFFIX}` : `${subject.replace(":", "-")}-${hash}${SUFFIX}`;
}

function sealHeader(key: string): Buffer {
  const name = Buffer.from(key);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(name.length);
  return Buffer.concat([length, name]);
}

function checksum(header: Uint8Array, bytes: Uint8Array): Buffer {
  return createHash("sha256").update(header).update(bytes).digest();
}

function keyOf(file: Buffer): string {
  const start = CHECKSUM_BYTES + 4;
  return file.length < start ? "" : file.toString("utf8", start, start + file.readUInt32LE(CHECKSUM_BYTES));
}

/** Read at once: a few megabytes from memory take less time than the way to another thread and back. */
function unsealFile(path: string, key: string): Uint8Array | undefined {
  try {
    return unseal(readFileSync(path), key);
  } catch {
    return undefined;
  }
}

/** The bytes, when the checksum is right and they belong to the key, if one is given. */
function unseal(file: Buffer, key?: string): Uint8Array | undefined {
  if (file.length < CHECKSUM_BYTES + 4) return undefined;
  const rest = file.subarray(CHECKSUM_BYTES);
  if (!checksum(rest, new Uint8Array(0)).equals(file.subarray(0, CHECKSUM_BYTES))) return undefined;
  if (key !== undefined && keyOf(file) !== key) return undefined;
  return rest.subarray(4 + rest.readUInt32LE(0));
}
