/**
 * content: blobs by digest, bytes where they lie, and the small pieces of storage that reading needs.
 *
 * A {@link ContentStore} keeps blobs as the directory `blobs` of an OCI layout does; its roles ({@link BlobReader},
 * {@link BlobLister}, {@link BlobIngester}, {@link BlobRemover}) are ports of their own. The life of a blob:
 *
 * 1. `ingest(ref)` begins an {@link Ingest}, or resumes the one that was left. Only its writer sees it; a lock keeps others off the ref.
 * 2. `write` appends. Whoever stops here (dispose, `kill -9`) leaves bytes that a later ingest of the ref goes on from.
 * 3. `commit` verifies size and digest, syncs, and gives the blob its name: from now on everybody sees it, whole.
 * 4. `remove` takes it away; those who have it open read on.
 *
 * {@link ingestStream} does 1 to 3 for a blob that comes from elsewhere. {@link lockFile}, {@link writeFileDurably} and
 * {@link syncDirectory} are what the local driver is made of.
 *
 * More ports: {@link Scratch} holds bytes that came as a stream and must be read at random, {@link IndexCache}
 * remembers what was derived from a layer. Each port has two drivers, `local` and `memory`.
 * {@link openFile} reads a local file at any offset; its {@link FileLocation} lets another thread open the same bytes,
 * and its stamp lets a cache notice when they changed.
 *
 * @example
 * await using store = await createLocalContentStore({ directory: "layout" });
 * const { result } = await ingestStream(store, {
 *   expected: descriptor,
 *   open: (offset) => source.stream({ start: offset }),
 * });
 * await using blob = await store.open(descriptor.digest);
 *
 * @example
 * await using scratch = createLocalScratch({ maxBytes: 1e9 });
 * await using file = await scratch.create();
 * for await (const chunk of stream) await file.write(chunk);
 * const source = await file.finish();
 *
 * @module
 */
export type {
  BlobInfo,
  BlobIngester,
  BlobLister,
  BlobReader,
  BlobRemover,
  ContentStore,
  ExpectedBlob,
  Ingest,
  IngestOptions,
  IngestStatus,
} from "./content-store.ts";
export { fileError } from "./drivers/local/file-error.ts";
export { fileStamp, stampOf } from "./drivers/local/file-stamp.ts";
export { createLocalContentStore, type LocalContentStoreOptions } from "./drivers/local/local-content-store.ts";
export { createLocalIndexCache, type LocalIndexCacheOptions } from "./drivers/local/local-index-cache.ts";
export { createLocalScratch, type LocalScratchOptions } from "./drivers/local/local-scratch.ts";
export { type FileLock, isFileLocked, type LockFileOptions, lockFile, tryLockFile } from "./drivers/local/lock-file.ts";
export { openFile } from "./drivers/local/open-file.ts";
export { makeDirectoryDurably, syncDirectory } from "./drivers/local/sync-directory.ts";
export { createTemporaryContentStore } from "./drivers/local/temporary-content-store.ts";
export { writeFileDurably } from "./drivers/local/write-file-durably.ts";
export { createMemoryContentStore } from "./drivers/memory/memory-content-store.ts";
export { createMemoryIndexCache } from "./drivers/memory/memory-index-cache.ts";
export { createMemoryScratch } from "./drivers/memory/memory-scratch.ts";
export { type FileLocation, type LocatedSource, sliceLocation } from "./file-location.ts";
export type { IndexCache } from "./index-cache.ts";
export {
  type FollowedIngest,
  type FollowIngest,
  type IncomingBlob,
  type IngestedBlob,
  type IngestFollower,
  type IngestStreamOptions,
  ingestStream,
} from "./ingest-stream.ts";
export { DEFAULT_SCRATCH_BYTES, type Scratch, type ScratchFile } from "./scratch.ts";
