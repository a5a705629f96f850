import type { ByteSource } from "../base/index.ts";
import { constants } from "./constants.ts";
import type { FsPath, ReadFsLike, ReadHandleLike } from "./fs-like.ts";

/** Bytes read at once where nothing else is asked. */
export const COPY_CHUNK = 1024 * 1024;

/** The content of a regular file of any file system. The caller disposes it. */
export async function openSource(fs: ReadFsLike, path: FsPath, size: number): Promise<ByteSource> {
  const handle = await fs.open(path, constants.O_RDONLY);
  return {
    size,
    read: (target, offset) => fill(handle, target, offset),
    stream: ({ start = 0, end = size } = {}) => chunksOf(handle, start, Math.min(end, size)),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** `FileHandle.read` may give less than is there. */
async function fill(handle: ReadHandleLike, target: Uint8Array, offset: number): Promise<number> {
  let count = 0;
  while (count < target.length) {
    const { bytesRead } = await handle.read(target, count, target.length - count, offset + count);
    if (bytesRead === 0) break;
    count += bytesRead;
  }
  return count;
}

async function* chunksOf(handle: ReadHandleLike, start: number, end: number): AsyncGenerator<Uint8Array> {
  if (handle.chunks !== undefined) {
    yield* handle.chunks({ start, length: end - start, chunkSize: COPY_CHUNK });
    return;
  }
  for (let at = start; at < end; ) {
    const chunk = new Uint8Array(Math.min(COPY_CHUNK, end - at));
    const count = await fill(handle, chunk, at);
    if (count === 0) return;
    yield chunk.subarray(0, count);
    at += count;
  }
}
