import type { ByteSource } from "../base/index.ts";
import type { ListedTree, ReadableFile } from "./listed-tree.ts";

const CHUNK_BYTES = 256 * 1024;

/** Two files of one size, one of each tree; without a lower tree nobody asks. */
export interface TreePair {
  readonly lower: ListedTree;
  readonly upper: ListedTree;
}

/**
 * Answers whether two files of one size have the same bytes: at once where both can be read without waiting, and without reading
 * where both are one file. Its two buffers are used again for all files.
 */
export function contentComparison({ lower, upper }: TreePair): (l: number, u: number) => boolean | Promise<boolean> {
  const buffers = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)] as const;
  return (l, u) => {
    const key = lower.contentKey?.(l);
    if (key !== undefined && key === upper.contentKey?.(u)) return true;
    const size = upper.index.columns.size[u] as number;
    const a = lower.openSync?.(l);
    if (a === undefined) return compareSlowly({ lower, upper }, l, u);
    try {
      const b = upper.openSync?.(u);
      if (b === undefined) return compareSlowly({ lower, upper }, l, u);
      try {
        return hasSameBytes(a, b, { size, buffers });
      } finally {
        b.close();
      }
    } finally {
      a.close();
    }
  };
}

interface Comparison {
  readonly size: number;
  readonly buffers: readonly [Buffer, Buffer];
}

function hasSameBytes(a: ReadableFile, b: ReadableFile, { size, buffers }: Comparison): boolean {
  for (let offset = 0; offset < size; offset += CHUNK_BYTES) {
    const length = Math.min(CHUNK_BYTES, size - offset);
    const [x, y] = [buffers[0].subarray(0, length), buffers[1].subarray(0, length)];
    if (a.readSync(x, offset) !== b.readSync(y, offset) || !x.equals(y)) return false;
  }
  return true;
}

/** Each call has buffers of its own: other comparisons may run meanwhile. */
async function compareSlowly({ lower, upper }: TreePair, l: number, u: number): Promise<boolean> {
  await using a = await lower.open(l);
  await using b = await upper.open(u);
  if (a.size !== b.size) return false;
  const [x, y] = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)];
  for (let offset = 0; offset < a.size; offset += CHUNK_BYTES) {
    const [left, right] = [await readInto(a, x, offset), await readInto(b, y, offset)];
    if (!left.equals(right)) return false;
  }
  return true;
}

async function readInto(source: ByteSource, buffer: Buffer, offset: number): Promise<Buffer> {
  return buffer.subarray(0, await source.read(buffer, offset));
}
