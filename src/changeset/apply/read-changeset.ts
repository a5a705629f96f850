import { assertNotAborted, type ByteSource, readAll } from "../../base/index.ts";
import type { LocatedSource, Scratch } from "../../content/index.ts";
import { type LayerIndex, LayerIndexBuilder } from "../../layer/index.ts";
import {
  assertNotEmpty,
  DEFAULT_EXPANSION_LIMITS,
  DEFAULT_TAR_LIMITS,
  decompress,
  SNIFF_LENGTH,
  type SniffedStream,
  scanTar,
  sniffCompression,
  sniffStream,
  TarScanner,
} from "../../tar/index.ts";
import type { ApplyLimits, ChangesetInput } from "./apply-options.ts";

/** A changeset, read once. */
export interface ReadChangeset {
  readonly index: LayerIndex;
  /** Its uncompressed tar, to be disposed. */
  readonly tar: LocatedSource;
}

/** With what a changeset is read. */
export interface ReadOptions {
  readonly scratch: Scratch;
  readonly limits: ApplyLimits;
  readonly signal: AbortSignal | undefined;
}

/** As container engines read layers; an index knows owners by number. */
const READING = { globalHeaders: "ignore", ownerNames: "ignore" } as const;

/** Those that hold where the caller names none. */
export function limitsOf(limits: Partial<ApplyLimits> = {}): ApplyLimits {
  const { maxBytes, maxExpansion } = DEFAULT_EXPANSION_LIMITS;
  return { ...DEFAULT_TAR_LIMITS, maxLayerBytes: maxBytes, maxExpansion, ...limits };
}

/**
 * Reads a changeset to its end: decompressed, kept and indexed in one pass; or only its headers, where it lies as a plain tar.
 * @throws StrataError of kind `malformed`, `hostile` or `unsupported`, with entry and offset as far as they are known
 */
export async function readChangeset(input: ChangesetInput, options: ReadOptions): Promise<ReadChangeset> {
  const opened = input();
  if (Symbol.asyncIterator in opened) return await keepStream(await sniffStream(opened), options);
  const source = await opened;
  try {
    const compression = sniffCompression(await readAll(source, { end: SNIFF_LENGTH }));
    if (compression === "none") return { index: await scan(source, options), tar: source };
    const kept = await keepStream({ compression, whole: source.stream() }, options);
    await source[Symbol.asyncDispose]();
    return kept;
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

async function scan(tar: ByteSource, { limits, signal }: ReadOptions): Promise<LayerIndex> {
  assertNotEmpty(tar.size);
  const builder = new LayerIndexBuilder();
  await scanTar(tar, (entry) => builder.add(entry), { ...READING, limits, signal });
  return builder.finish(tar.size);
}

async function keepStream(
  { compression, whole }: SniffedStream,
  { scratch, limits, signal }: ReadOptions,
): Promise<ReadChangeset> {
  const { maxLayerBytes: maxBytes, maxExpansion } = limits;
  const builder = new LayerIndexBuilder();
  const scanner = new TarScanner((entry) => builder.add(entry), { ...READING, limits });
  const file = await scratch.create();
  try {
    let size = 0;
    for await (const chunk of decompress(whole, compression, { maxBytes, maxExpansion })) {
      assertNotAborted(signal);
      scanner.push(chunk);
      size += chunk.length;
      await file.write(chunk);
    }
    assertNotEmpty(size);
    scanner.end();
    return { index: builder.finish(size), tar: await file.finish() };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}
