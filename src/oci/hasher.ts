import { createHash } from "node:crypto";
import type { Digest, DigestAlgorithm } from "./digest.ts";

/** A running hash. After {@link Hasher.digest} it is spent. */
export interface Hasher {
  /** Adds bytes; they may be reused by the caller afterwards. */
  update(chunk: Uint8Array): void;
  /** The digest of everything added. To be called once. */
  digest(): Digest;
}

/** Starts a hash; `sha256` is what the image spec calls canonical. */
export function createHasher(algorithm: DigestAlgorithm = "sha256"): Hasher {
  const hash = createHash(algorithm);
  return {
    update: (chunk) => void hash.update(chunk),
    digest: () => `${algorithm}:${hash.digest("hex")}` as Digest,
  };
}

/** The digest of bytes in memory. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = "sha256"): Digest {
  const hasher = createHasher(algorithm);
  hasher.update(bytes);
  return hasher.digest();
}

/** Reads the stream to its end; gives its digest and its length in bytes. */
export async function digestStream(
  stream: AsyncIterable<Uint8Array>,
  algorithm: DigestAlgorithm = "sha256",
): Promise<{ digest: Digest; size: number }> {
  const hasher = createHasher(algorithm);
  let size = 0;
  for await (const chunk of stream) {
    hasher.update(chunk);
    size += chunk.length;
  }
  return { digest: hasher.digest(), size };
}
