import { StrataError } from "../base/index.ts";
import { assertExpansion, DEFAULT_EXPANSION_LIMITS, type ExpansionLimits } from "./expansion-limit.ts";
import type { Compression } from "./sniff-compression.ts";

/** How far {@link decompress} goes. */
export type DecompressOptions = { readonly [K in keyof ExpansionLimits]?: ExpansionLimits[K] | undefined };

/**
 * Decompresses a stream, or passes it through for `none`. Chunks belong to the consumer. The input is read to its end
 * when the output is, so that whoever verifies it sees every byte; leaving early closes it.
 *
 * @throws when iterated: `compression-unsupported` for a kind that is only recognised, `decompression-truncated`,
 * `decompression-corrupt` and `decompression-bomb`; what the input throws comes through.
 */
export async function* decompress(
  stream: AsyncIterable<Uint8Array>,
  kind: Compression,
  options: DecompressOptions = {},
): AsyncGenerator<Uint8Array, void> {
  const limits: ExpansionLimits = {
    maxBytes: options.maxBytes ?? DEFAULT_EXPANSION_LIMITS.maxBytes,
    maxExpansion: options.maxExpansion ?? DEFAULT_EXPANSION_LIMITS.maxExpansion,
    expansionFloor: options.expansionFloor ?? DEFAULT_EXPANSION_LIMITS.expansionFloor,
  };
  let input = 0;
  let output = 0;
  async function* counted(): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of stream) {
      input += chunk.length;
      yield chunk;
    }
  }
  const decompressor = await decompressorOf(kind);
  for await (const chunk of decompressor(counted())) {
    output += chunk.length;
    assertExpansion(kind, input, output, limits);
    yield chunk;
  }
}

type Decompressor = (input: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** Loaded when needed: an image of plain layers needs neither Node's zlib nor a zstd. */
async function decompressorOf(kind: Compression): Promise<Decompressor> {
  switch (kind) {
    case "none":
      return (input) => input;
    case "gzip":
      return (await import("./gunzip.ts")).gunzip;
    case "zstd":
      return (await import("./unzstd.ts")).unzstd;
    default:
      throw new StrataError({
        code: "compression-unsupported",
        kind: "unsupported",
        message: `Cannot read a stream compressed with ${kind}`,
        details: { compression: kind },
        hint: `Decompress it with ${kind} first`,
      });
  }
}
