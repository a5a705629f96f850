/**
 * tar: the codec of layers, and the compression around it. It says what an archive holds, unjudged: names are not
 * cleaned, whiteouts mean nothing here.
 *
 * - An *archive* is a row of *entries*: a 512-byte header, its data, padding to whole blocks; two blocks of zeros end it.
 * - *Extensions* (PAX, GNU) are headers before the header that they complete; readers never hand them out on their own.
 * - {@link TarScanner} takes bytes as they come; {@link scanTar}, {@link scanTarSync} and {@link readTar} seek from header
 *   to header and never read data. All drive one parser, which follows Go's archive/tar where dialects disagree,
 *   because container engines do. Who reads millions of headers takes most of them as a {@link PlainEntry}.
 * - {@link writeTar} and {@link encodeHeader} write the same bytes for the same entries: ustar, PAX only where needed; sparse files as
 *   GNU's PAX format 1.0 ({@link DataRunFinder} says where a file has holes, {@link sparseRunsToWrite} which are worth it).
 * - {@link decodeTarSplit} reads the journal that docker and podman keep of a layer; with the files it describes,
 *   {@link tarSplitSource} gives the layer's tar again, bit for bit. {@link encodeTarSplit} writes such a journal.
 * - {@link sniffCompression} and {@link decompress} peel off what is around an archive, with limits against bombs.
 * - {@link compress} puts compression around one, on several cores, in bytes that depend on the input and the level alone.
 *
 * @example
 * const names: ByteString[] = [];
 * const scanner = new TarScanner((entry) => names.push(entry.name));
 * for await (const chunk of decompress(stream, sniffCompression(head))) scanner.push(chunk);
 * scanner.end();
 *
 * @module
 */
export { assertNotEmpty } from "./assert-not-empty.ts";
export { ChunkPool } from "./chunk-pool.ts";
export { type CompressionFormat, type CompressOptions, compress } from "./compress.ts";
export { type DecompressOptions, decompress } from "./decompress.ts";
export { END_OF_ARCHIVE, encodeHeader, type TarHeaderFields } from "./encode-header.ts";
export { sparseRunsToWrite } from "./encode-sparse.ts";
export type { EntryType, SparseRun, TarEntry } from "./entry.ts";
export { type EntryData, entryContent } from "./entry-content.ts";
export { DEFAULT_EXPANSION_LIMITS, type ExpansionLimits } from "./expansion-limit.ts";
export { blocksOfRuns, DataRunFinder, SMALLEST_SPARSE } from "./find-data-runs.ts";
export { paddingOf } from "./header-block.ts";
export { looseEntry } from "./loose-entry.ts";
export type { PlainEntry } from "./plain-entry.ts";
export { type Retime, retimeHeader } from "./retime-header.ts";
export { readTar, type ScanTarOptions, scanTar, scanTarSync } from "./scan-tar.ts";
export { type Compression, SNIFF_LENGTH, sniffCompression } from "./sniff-compression.ts";
export { type SniffedStream, sniffStream } from "./sniff-stream.ts";
export { DEFAULT_TAR_LIMITS, type TarLimits } from "./tar-limits.ts";
export type { SkippedMember, TarReadOptions } from "./tar-parser.ts";
export { TarScanner, type TarScannerOptions } from "./tar-scanner.ts";
export {
  encodeTarSplit,
  encodeTarSplitAround,
  type TarSplitAroundOptions,
  type TarSplitFile,
} from "./tar-split-encode.ts";
export {
  type DecodeTarSplitOptions,
  decodeTarSplit,
  journalName,
  type SegmentSink,
  type TarSplitJournal,
} from "./tar-split-journal.ts";
export { type TarSplitFiles, tarSplitSource } from "./tar-split-source.ts";
export { type TarMember, type WriteTarOptions, writeTar } from "./write-tar.ts";
