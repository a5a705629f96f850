import { promises as fs, statSync } from "node:fs";
import { join } from "node:path";
import { fromText } from "../../../base/index.ts";
import { renameUnlessExists } from "../../../linux/index.ts";
import { algorithmOf, type Digest, hexOf, isDigest } from "../../../oci/index.ts";
import { blobNotFound } from "../../blob-errors.ts";
import type { BlobInfo } from "../../content-store.ts";
import type { LocatedSource } from "../../file-location.ts";
import { fileError } from "./file-error.ts";
import { openFile } from "./open-file.ts";
import { makeDirectoryDurably, syncDirectory } from "./sync-directory.ts";

/** Where the blob lies, when it is there: `blobs/<algorithm>/<hex>` (image-spec image-layout.md#blobs). */
function blobPath(blobs: string, digest: Digest): string {
  return join(blobs, algorithmOf(digest), hexOf(digest));
}

/** See `BlobReader.stat`. Whatever is no regular file is no blob. Synchronous inside: an image may have hundreds. */
export async function statBlob(blobs: string, digest: Digest): Promise<BlobInfo | undefined> {
  const path = blobPath(blobs, digest);
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    // A rename changes ctime, and nobody can set it back.
    return stats?.isFile() ? { digest, size: stats.size, storedAt: stats.ctimeMs } : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw fileError(error, path);
  }
}

/** See `BlobReader.open`. */
export async function openBlob(blobs: string, digest: Digest): Promise<LocatedSource> {
  try {
    return await openFile(blobPath(blobs, digest));
  } catch (error) {
    if ((error as { code?: unknown }).code === "file-not-found") throw blobNotFound(digest, blobs);
    throw error;
  }
}

/** See `BlobLister.list`. Files whose names are no digests are passed over. */
export async function* listBlobs(blobs: string): AsyncGenerator<BlobInfo> {
  for (const algorithm of ["sha256", "sha512"]) {
    const directory = join(blobs, algorithm);
    for (const name of await namesIn(directory)) {
      const digest = `${algorithm}:${name}`;
      const info = isDigest(digest) ? await statBlob(blobs, digest) : undefined;
      if (info !== undefined) yield info;
    }
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await fs.readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw fileError(error, directory);
  }
}

/** See `BlobRemover.remove`. */
export async function removeBlob(blobs: string, digest: Digest): Promise<boolean> {
  const path = blobPath(blobs, digest);
  try {
    await fs.unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw fileError(error, path, "write");
  }
  await syncDirectory(join(path, ".."));
  return true;
}

/**
 * Makes a verified, synced file visible as the blob, durably. One that is there wins, unless its length alone shows that
 * it is damaged: then the good bytes take its place. The file may still be there afterwards.
 */
export async function publishBlob(blobs: string, file: string, { digest, size }: BlobInfo): Promise<BlobInfo> {
  const path = blobPath(blobs, digest);
  const directory = join(path, "..");
  await makeDirectoryDurably(directory);
  try {
    if (!renameUnlessExists(fromText(file), fromText(path)) && (await fs.stat(path)).size !== size) {
      await fs.rename(file, path);
    }
  } catch (error) {
    throw fileError(error, path, "write");
  }
  await syncDirectory(directory);
  return (await statBlob(blobs, digest)) ?? { digest, size, storedAt: 0 };
}
