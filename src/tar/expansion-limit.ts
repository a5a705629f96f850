import { StrataError } from "../base/index.ts";
import type { Compression } from "./sniff-compression.ts";

/** What a compressed stream may grow to. */
export interface ExpansionLimits {
  /** Bytes of output. */
  readonly maxBytes: number;
  /** Output bytes per input byte; judged only beyond {@link expansionFloor}. */
  readonly maxExpansion: number;
  /** Output below this is never a bomb: layers of zeros compress a thousandfold and are harmless while small. */
  readonly expansionFloor: number;
}

/** 512 GiB of output, 200-fold growth, judged beyond 1 GiB. */
export const DEFAULT_EXPANSION_LIMITS: ExpansionLimits = {
  maxBytes: 512 * 1024 ** 3,
  maxExpansion: 200,
  expansionFloor: 1024 ** 3,
};

/** Throws `decompression-bomb` (hostile) when `output` bytes out of `input` are more than the limits allow. */
export function assertExpansion(kind: Compression, input: number, output: number, limits: ExpansionLimits): void {
  if (output > limits.maxBytes) {
    throw bomb(kind, output, `more than ${limits.maxBytes} bytes come out of it`, "--max-layer-bytes");
  }
  if (output > limits.expansionFloor && output > input * limits.maxExpansion) {
    throw bomb(kind, output, `it grows more than ${limits.maxExpansion}-fold`, "--max-expansion");
  }
}

function bomb(kind: Compression, offset: number, reason: string, flag: string): StrataError {
  return new StrataError({
    code: "decompression-bomb",
    kind: "hostile",
    message: `Refused to decompress ${kind} stream: ${reason}`,
    details: { compression: kind, offset },
    hint: `Raise the limit with ${flag} if you trust the image`,
  });
}
