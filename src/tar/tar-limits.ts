/** What one archive may make its reader hold in memory. Every bound is inclusive. */
export interface TarLimits {
  /** Bytes of one extension: a PAX header, a GNU long name or a GNU 1.0 sparse map. Go's archive/tar has the same bound. */
  readonly maxExtensionBytes: number;
  /** Entries handed out. */
  readonly maxEntries: number;
  /** Runs of data in the map of one sparse file. */
  readonly maxSparseRuns: number;
}

/** 1 MiB for an extension, 50,000,000 entries, 1,000,000 runs. */
export const DEFAULT_TAR_LIMITS: TarLimits = {
  maxExtensionBytes: 1024 * 1024,
  maxEntries: 50_000_000,
  maxSparseRuns: 1_000_000,
};
