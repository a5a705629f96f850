export type { EntryType, SparseRun, TarEntry, Timestamp } from "./entry.ts";
export { type ScanTarOptions, readTar, scanTar, scanTarSync } from "./scan-tar.ts";
export { DEFAULT_TAR_LIMITS, type TarLimits } from "./tar-limits.ts";
export { paddingOf, type SkippedMember, type TarReadOptions } from "./tar-parser.ts";
export { TarScanner, type TarScannerOptions } from "./tar-scanner.ts";
