import { type Digest, digestOf } from "../../src/oci/index.ts";

/** What a child is asked to do. */
export interface ChildTask {
  readonly directory: string;
  /** One blob for each, all at once. */
  readonly seeds: readonly number[];
  /** Instead of the digest; for one blob. */
  readonly ref?: string;
  /** Who does it, when root starts it. */
  readonly uid?: number;
  readonly dieBefore?: number;
}

/** Bytes of one chunk of the streams. Some chunks are collected before they are written, some are not. */
const CHUNK_BYTES = 170_000;

const made = new Map<number, Buffer>();

/** The blob of a seed: 0.5 to 1.2 MB that no two seeds share. */
export function blobOf(seed: number): Buffer {
  const bytes = made.get(seed) ?? makeBlob(seed);
  made.set(seed, bytes);
  return bytes;
}

function makeBlob(seed: number): Buffer {
  const bytes = Buffer.alloc(500_000 + ((seed * 7919) % 700_000));
  let state = seed + 1;
  for (let i = 0; i + 4 <= bytes.length; i += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(state, i);
  }
  return bytes;
}

/** What is to be expected of it. */
export function expectedOf(seed: number): { digest: Digest; size: number } {
  const bytes = blobOf(seed);
  return { digest: digestOf(bytes), size: bytes.length };
}

/** Its bytes from that offset on, as they would come over a line. */
export async function* streamOf(seed: number, offset: number): AsyncGenerator<Uint8Array> {
  const bytes = blobOf(seed);
  let length = CHUNK_BYTES;
  for (let at = offset; at < bytes.length; at += length) {
    length = length === CHUNK_BYTES ? CHUNK_BYTES * 2 : CHUNK_BYTES;
    await Promise.resolve();
    yield bytes.subarray(at, at + length);
  }
}
