import { existsSync, promises as fs } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomName } from "../../../base/index.ts";
import type { LocatedSource } from "../../file-location.ts";
import { DEFAULT_SCRATCH_BYTES, type Scratch, type ScratchFile, scratchFull } from "../../scratch.ts";
import { fileError } from "./file-error.ts";
import { createFileSource } from "./file-source.ts";

/** Where a scratch lies, and how large it may grow. */
export interface LocalScratchOptions {
  /** Must exist and be writable; the system's directory for temporary files unless given. */
  readonly directory?: string | undefined;
  /** Bound for all files that are alive at one time, in bytes. */
  readonly maxBytes?: number | undefined;
}

/** A scratch in files without a name: each is unlinked as soon as it is open, where the system allows that. */
export function createLocalScratch(options: LocalScratchOptions = {}): Scratch {
  const { directory = tmpdir(), maxBytes = DEFAULT_SCRATCH_BYTES } = options;
  const alive = new Set<AsyncDisposable>();
  let used = 0;
  const charge = (bytes: number): void => {
    if (used + bytes > maxBytes) throw scratchFull(maxBytes);
    used += bytes;
  };
  return {
    async create() {
      const spool = await openSpool(directory);
      const file = createScratchFile(spool, charge, () => alive.delete(file));
      alive.add(file);
      return file;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...alive].map((file) => file[Symbol.asyncDispose]()));
    },
  };
}

interface Spool {
  readonly handle: FileHandle;
  readonly path: string;
  /** Whether the name is still there, because the system does not unlink open files. */
  readonly isNamed: boolean;
}

function createScratchFile(spool: Spool, charge: (bytes: number) => void, onClose: () => void): ScratchFile {
  const { handle, path } = spool;
  let size = 0;
  let source: LocatedSource | undefined;
  const close = async (): Promise<void> => {
    onClose();
    charge(-size);
    if (spool.isNamed) await fs.rm(path, { force: true });
  };
  const open = (): LocatedSource => {
    const reachable = pathOfUnlinked(spool);
    const location = reachable === undefined ? undefined : { path: reachable, offset: 0, size, stamp: undefined };
    return createFileSource({ handle, size, name: "the temporary file", location, onClose: close });
  };
  return {
    async write(chunk) {
      charge(chunk.length);
      size += chunk.length;
      await writeAll(handle, chunk, path);
    },
    finish: async () => {
      source ??= open();
      return source;
    },
    [Symbol.asyncDispose]: async () => {
      source ??= open();
      await source[Symbol.asyncDispose]();
    },
  };
}

async function openSpool(directory: string): Promise<Spool> {
  const path = join(directory, `strata-${randomName()}`);
  try {
    const handle = await fs.open(path, "wx+", 0o600);
    const isNamed = await fs.unlink(path).then(
      () => false,
      () => true,
    );
    return { handle, path, isNamed };
  } catch (error) {
    throw fileError(error, path, "write");
  }
}

/** Linux opens an unlinked file again through the descriptor, which all threads of the process share. */
function pathOfUnlinked({ handle, path, isNamed }: Spool): string | undefined {
  if (isNamed) return path;
  const through = `/proc/self/fd/${handle.fd}`;
  return existsSync(through) ? through : undefined;
}

async function writeAll(handle: FileHandle, chunk: Uint8Array, path: string): Promise<void> {
  try {
    for (let done = 0; done < chunk.length; ) {
      done += (await handle.write(chunk, done)).bytesWritten;
    }
  } catch (error) {
    throw fileError(error, path, "write");
  }
}
