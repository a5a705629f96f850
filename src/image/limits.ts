import { DEFAULT_TAR_LIMITS, type TarLimits } from "../tar/index.ts";

/** What one image may cost its reader. Each bound is inclusive and guards against inputs made to exhaust a machine. */
export interface Limits extends TarLimits {
  /** Bytes of one layer after decompression. */
  readonly maxLayerBytes: number;
  /** Uncompressed bytes for each stored byte, once a layer has grown beyond 1 GiB. */
  readonly maxExpansion: number;
}

/** Those of the tar codec, 256 GiB for one layer, 200-fold growth. */
export const DEFAULT_LIMITS: Limits = {
  ...DEFAULT_TAR_LIMITS,
  maxLayerBytes: 256 * 1024 ** 3,
  maxExpansion: 200,
};
