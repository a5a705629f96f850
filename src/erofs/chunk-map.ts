import type { SparseRun } from "../tar/index.ts";
import { BLOCK, BLOCK_BITS, CHUNK_INDEX_BYTES, MAX_CHUNK_BITS, wholeBlocks } from "./on-disk.ts";

/** How much larger than its stored data a sparse file may make the image, in map and copied chunks together. */
const ALLOWANCE = 64 * 1024 * 1024;

/** A file as the archive stores it, most often a sparse one. */
export interface SparseFile {
  readonly size: number;
  readonly dataOffset: number;
  /** Length of the archive: a block that it does not hold whole cannot be pointed at. */
  readonly tarSize: number;
  /** Ascending, not overlapping; their bytes lie one after the other in the archive. */
  readonly runs: readonly SparseRun[];
}

/** A run of data that is long enough to matter: neighbours are joined. */
interface StoredRun {
  readonly start: number;
  readonly end: number;
  /** Where its data begins in the archive. */
  readonly storedAt: number;
  /** Whether the archive goes on to the end of the block in which the data ends. */
  readonly isPadded: boolean;
}

/** Consecutive chunks of one kind: nothing (`hole`), data of the archive from `storedAt` on, or data that has to be copied. */
export interface ChunkRun {
  readonly kind: "hole" | "stored" | "copied";
  readonly first: number;
  readonly count: number;
  /** Of `stored`: a multiple of a block. */
  readonly storedAt: number;
}

/** How a sparse file is cut into chunks of equal size, each of which is in one place or nowhere. */
export interface ChunkMap {
  readonly chunkBits: number;
  readonly chunks: number;
  readonly runs: readonly ChunkRun[];
  /** Bytes of the chunks that have to be copied, in whole blocks. */
  readonly copiedBytes: number;
}

/**
 * The cheapest map of a sparse file: small chunks make a long map, in large ones data and holes mix, and such a chunk can
 * only be copied, as can data that does not lie at a multiple of a block.
 *
 * @returns undefined when every map would take far more room than the file's own data
 */
export function mapChunks(file: SparseFile): ChunkMap | undefined {
  const runs = storedRuns(file);
  const stored = runs.reduce((sum, { start, end }) => sum + end - start, 0);
  let best: { readonly bits: number; readonly cost: number } | undefined;
  for (let bits = BLOCK_BITS; bits <= MAX_CHUNK_BITS; bits++) {
    const map = CHUNK_INDEX_BYTES * Math.ceil(file.size / 2 ** bits);
    if (best !== undefined && map >= best.cost) continue;
    if (map > stored + ALLOWANCE) continue;
    const cost = map + copiedBytes(runs, bits, file.size);
    if (best === undefined || cost < best.cost) best = { bits, cost };
  }
  if (best === undefined || best.cost > stored + ALLOWANCE) return undefined;
  return {
    chunkBits: best.bits,
    chunks: Math.ceil(file.size / 2 ** best.bits),
    runs: chunkRuns(runs, best.bits, file.size),
    copiedBytes: copiedBytes(runs, best.bits, file.size),
  };
}

/** Bytes of a chunk that the image has to hold: the last one may be shorter. */
export function chunkLength(chunk: number, chunkBits: number, size: number): number {
  const length = 2 ** chunkBits;
  return Math.min(length, wholeBlocks(size) - chunk * length);
}

function storedRuns({ runs, dataOffset, tarSize }: SparseFile): StoredRun[] {
  const joined: StoredRun[] = [];
  let nextAt = dataOffset;
  for (const { offset, length } of runs) {
    const end = offset + length;
    const last = joined.at(-1);
    const isPadded = wholeBlocks(nextAt + length) <= tarSize;
    if (last?.end === offset) joined[joined.length - 1] = { ...last, end, isPadded };
    else if (length > 0) joined.push({ start: offset, end, storedAt: nextAt, isPadded });
    nextAt += length;
  }
  return joined;
}

/** Chunks of one run: `[first, last]` are touched, `[full, fullEnd)` wholly within it and where they can be pointed at. */
function chunksOf({ start, end, storedAt, isPadded }: StoredRun, bits: number, size: number) {
  const chunk = 2 ** bits;
  const first = Math.floor(start / chunk);
  const last = Math.floor((end - 1) / chunk);
  const full = Math.ceil(start / chunk);
  const fullEnd = end === size && isPadded ? last + 1 : Math.floor(end / chunk);
  const fullAt = storedAt + full * chunk - start;
  const isUsable = full < fullEnd && fullAt % BLOCK === 0;
  return isUsable ? { first, last, full, fullEnd, fullAt } : { first, last, full: last + 1, fullEnd: last + 1, fullAt };
}

function copiedBytes(runs: readonly StoredRun[], bits: number, size: number): number {
  let bytes = 0;
  for (const { kind, first, count } of chunkRuns(runs, bits, size)) {
    if (kind !== "copied") continue;
    bytes += (count - 1) * 2 ** bits + chunkLength(first + count - 1, bits, size);
  }
  return bytes;
}

function chunkRuns(runs: readonly StoredRun[], bits: number, size: number): ChunkRun[] {
  const found: ChunkRun[] = [];
  let next = 0;
  const add = (kind: ChunkRun["kind"], to: number, storedAt = 0): void => {
    if (to <= next) return;
    const last = found.at(-1);
    if (kind === "copied" && last?.kind === "copied") found[found.length - 1] = { ...last, count: to - last.first };
    else found.push({ kind, first: next, count: to - next, storedAt });
    next = to;
  };
  for (const run of runs) {
    const { first, last, full, fullEnd, fullAt } = chunksOf(run, bits, size);
    add("hole", first);
    add("copied", full);
    add("stored", fullEnd, fullAt);
    add("copied", last + 1);
  }
  add("hole", Math.ceil(size / 2 ** bits));
  return found;
}
