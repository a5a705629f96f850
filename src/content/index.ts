/**
 * content: bytes where they lie, and the small pieces of storage that reading needs.
 *
 * Ports by role: {@link Scratch} holds bytes that came as a stream and must be read at random, {@link IndexCache}
 * remembers what was derived from a layer. Each has two drivers, `local` and `memory`.
 * {@link openFile} reads a local file at any offset; its {@link FileLocation} lets another thread open the same bytes,
 * and its stamp lets a cache notice when they changed.
 *
 * @example
 * await using scratch = createLocalScratch({ maxBytes: 1e9 });
 * await using file = await scratch.create();
 * for await (const chunk of stream) await file.write(chunk);
 * const source = await file.finish();
 *
 * @module
 */
export { fileError } from "./drivers/local/file-error.ts";
export { fileStamp, stampOf } from "./drivers/local/file-stamp.ts";
export { createLocalIndexCache, type LocalIndexCacheOptions } from "./drivers/local/local-index-cache.ts";
export { createLocalScratch, type LocalScratchOptions } from "./drivers/local/local-scratch.ts";
export { openFile } from "./drivers/local/open-file.ts";
export { createMemoryIndexCache } from "./drivers/memory/memory-index-cache.ts";
export { createMemoryScratch } from "./drivers/memory/memory-scratch.ts";
export { type FileLocation, type LocatedSource, sliceLocation } from "./file-location.ts";
export type { IndexCache } from "./index-cache.ts";
export { DEFAULT_SCRATCH_BYTES, type Scratch, type ScratchFile } from "./scratch.ts";
