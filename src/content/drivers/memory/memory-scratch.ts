import { memorySource } from "../../../base/index.ts";
import { DEFAULT_SCRATCH_BYTES, type Scratch, type ScratchFile, scratchFull } from "../../scratch.ts";

/** A scratch in memory: for tests, and for machines without a disk to write to. */
export function createMemoryScratch({ maxBytes = DEFAULT_SCRATCH_BYTES }: { maxBytes?: number } = {}): Scratch {
  let used = 0;
  return {
    create: async () => {
      const file = createMemoryFile((bytes) => {
        if (used + bytes > maxBytes) throw scratchFull(maxBytes);
        used += bytes;
      });
      return file;
    },
    async [Symbol.asyncDispose]() {},
  };
}

function createMemoryFile(charge: (bytes: number) => void): ScratchFile {
  let chunks: Uint8Array[] = [];
  let held = 0;
  const free = async (): Promise<void> => {
    charge(-held);
    held = 0;
    chunks = [];
  };
  return {
    async write(chunk) {
      charge(chunk.length);
      held += chunk.length;
      chunks.push(Uint8Array.from(chunk));
    },
    async finish() {
      const whole = Buffer.concat(chunks);
      chunks = [];
      return { ...memorySource(whole), [Symbol.asyncDispose]: free };
    },
    [Symbol.asyncDispose]: async () => {
      if (chunks.length > 0) await free();
    },
  };
}
