import { StrataError } from "../base/index.ts";
import type { Compression } from "./sniff-compression.ts";

/** How far a decompressor came. */
export interface DecompressionProgress {
  /** Compressed bytes taken. */
  readonly input: number;
  /** Uncompressed bytes given. */
  readonly output: number;
}

/** A compressed stream that ends early (`decompression-truncated`) or is damaged (`decompression-corrupt`). */
export function brokenCompression(
  kind: Compression,
  fault: "truncated" | "corrupt",
  { input, output }: DecompressionProgress,
  cause?: unknown,
): StrataError {
  const what = fault === "truncated" ? "ends too early" : `is damaged${reasonOf(cause)}`;
  const where = output === 0 ? "" : `, after ${output} bytes of output`;
  return new StrataError({
    code: `decompression-${fault}`,
    kind: "malformed",
    message: `Cannot decompress ${kind} stream: it ${what}${where}`,
    details: { compression: kind, offset: output, compressedOffset: input },
    cause,
  });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? ` (${cause.message})` : "";
}
