import { readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { assertNotAborted, StrataError } from "../../../base/index.ts";
import type { FileLocation, LocatedSource } from "../../file-location.ts";
import { fileError } from "./file-error.ts";

/** Large enough that system calls do not count, small enough that a few in flight do not either. */
const CHUNK_BYTES = 512 * 1024;

export interface FileSourceInit {
  /** Owned by the source from now on. */
  readonly handle: FileHandle;
  readonly size: number;
  /** Names the file in messages. */
  readonly name: string;
  readonly location: FileLocation | undefined;
  /** Runs once, after the handle was closed. */
  readonly onClose?: () => Promise<void> | void;
}

/**
 * The first `size` bytes of an open file. A file that has become shorter ends in `file-truncated` (malformed),
 * never in silence.
 */
export function createFileSource(init: FileSourceInit): LocatedSource {
  const { handle, size, name, location, onClose } = init;
  let closed: Promise<void> | undefined;
  const read = async (target: Uint8Array, offset: number): Promise<number> => {
    const wanted = bounded(target, offset, size);
    let done = 0;
    while (done < wanted) {
      const { bytesRead } = await handle.read(target, done, wanted - done, offset + done).catch(rethrow(name));
      if (bytesRead === 0) throw truncated(name, offset + done, size);
      done += bytesRead;
    }
    return done;
  };
  const readPart = (target: Uint8Array, at: number, length: number, offset: number): number => {
    try {
      return readSync(handle.fd, target, at, length, offset);
    } catch (error) {
      throw fileError(error, name);
    }
  };
  return {
    size,
    location,
    read,
    readSync: (target, offset) => {
      const wanted = bounded(target, offset, size);
      let done = 0;
      while (done < wanted) {
        const count = readPart(target, done, wanted - done, offset + done);
        if (count === 0) throw truncated(name, offset + done, size);
        done += count;
      }
      return done;
    },
    async *stream({ start = 0, end = size, signal } = {}) {
      const stop = Math.min(end, size);
      for (let offset = start; offset < stop; offset += CHUNK_BYTES) {
        assertNotAborted(signal);
        const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, stop - offset));
        await read(chunk, offset);
        yield chunk;
      }
    },
    [Symbol.asyncDispose]: async () => {
      closed ??= handle.close().then(onClose);
      await closed;
    },
  };
}

function bounded(target: Uint8Array, offset: number, size: number): number {
  return Math.max(0, Math.min(target.length, size - offset));
}

function rethrow(name: string): (error: unknown) => never {
  return (error) => {
    throw fileError(error, name);
  };
}

function truncated(name: string, offset: number, size: number): StrataError {
  return new StrataError({
    code: "file-truncated",
    kind: "malformed",
    message: `${name} ends at offset ${offset}, ${size - offset} bytes earlier than when it was opened`,
    details: { path: name, offset },
    hint: "Another program changed the file while it was read",
  });
}
