import { closeSync, readSync } from "node:fs";
import { type ByteSource, toText } from "../../base/index.ts";
import { fileError } from "../../content/index.ts";
import { FILE, type LayerIndex } from "../../layer/index.ts";
import { openDirectory, openFileBeneath } from "../../linux/index.ts";

const CHUNK_BYTES = 256 * 1024;

/**
 * The bytes of files of a directory as if they lay in a tar, at the offsets that their index says; for files that lose all
 * names they have and get another. Those are opened now, so that their bytes stay when the names go. Only their bytes may be read.
 * @throws StrataError as `fileError`
 */
export function openExistingTar(directory: string, index: LayerIndex, entries: readonly number[]): ByteSource {
  const files = new Map<number, { readonly fd: number; readonly size: number }>();
  const close = (): void => {
    for (const { fd } of files.values()) closeSync(fd);
    files.clear();
  };
  try {
    for (const entry of entries) {
      if (index.columns.type[entry] !== FILE) continue;
      const size = index.columns.size[entry] as number;
      files.set(index.columns.dataOffset[entry] as number, { fd: openFile(directory, index, entry), size });
    }
  } catch (error) {
    close();
    throw error;
  }
  const read = (target: Uint8Array, offset: number): number => {
    for (const [start, { fd, size }] of files) {
      const skipped = offset - start;
      if (skipped < 0 || skipped >= size) continue;
      return readSync(fd, target, 0, Math.min(target.length, size - skipped), skipped);
    }
    return 0;
  };
  return { ...sourceOf(read, index.tarSize), [Symbol.asyncDispose]: async () => close() };
}

function openFile(directory: string, index: LayerIndex, entry: number): number {
  const root = openDirectory(directory);
  try {
    return openFileBeneath(root, index.name(entry));
  } catch (error) {
    throw fileError(error, `${directory}/${toText(index.name(entry))}`);
  } finally {
    closeSync(root);
  }
}

function sourceOf(
  readSync: (target: Uint8Array, offset: number) => number,
  size: number,
): Omit<ByteSource, typeof Symbol.asyncDispose> {
  return {
    size,
    readSync,
    read: async (target, offset) => readSync(target, offset),
    async *stream({ start = 0, end = size } = {}) {
      for (let at = start; at < end; ) {
        const chunk = new Uint8Array(Math.min(CHUNK_BYTES, end - at));
        const count = readSync(chunk, at);
        if (count === 0) return;
        yield chunk.subarray(0, count);
        at += count;
      }
    },
  };
}
