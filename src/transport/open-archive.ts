import { createReadStream } from "node:fs";
import { readAll, StrataError } from "../base/index.ts";
import { fileError, type LocatedSource, openFile } from "../content/index.ts";
import { SNIFF_LENGTH, sniffCompression } from "../tar/index.ts";
import type { ResolvedOptions } from "./open-options.ts";
import { spool } from "./spool.ts";

/** The path that stands for standard input. */
export const STDIN = "-";

/**
 * An archive as uncompressed bytes that can be read at random, whatever it is: a plain file is read where it lies;
 * a compressed file, a pipe or standard input is spooled once.
 */
export async function openArchive(path: string, options: ResolvedOptions): Promise<LocatedSource> {
  const { scratch, signal, limits } = options;
  const spoolOptions = { expansion: limits.expansion, signal };
  if (path === STDIN) return await spool(requireStdin(options), scratch, spoolOptions);
  const file = await openFile(path).catch((error: unknown) => {
    if (error instanceof StrataError && error.code === "not-a-regular-file") return undefined;
    throw error;
  });
  if (file === undefined) return await spool(streamOf(path), scratch, spoolOptions);
  let isPlain = false;
  try {
    isPlain = sniffCompression(await readAll(file, { end: SNIFF_LENGTH })) === "none";
    if (isPlain) return file;
    return await spool(file.stream(signal === undefined ? {} : { signal }), scratch, spoolOptions);
  } finally {
    if (!isPlain) await file[Symbol.asyncDispose]();
  }
}

function requireStdin({ stdin }: ResolvedOptions): AsyncIterable<Uint8Array> {
  if (stdin !== undefined) return stdin;
  throw new StrataError({
    code: "no-standard-input",
    kind: "invalid-argument",
    message: "Cannot open -: there is no standard input to read from",
  });
}

async function* streamOf(path: string): AsyncGenerator<Uint8Array, void> {
  try {
    yield* createReadStream(path, { highWaterMark: 256 * 1024 });
  } catch (error) {
    throw fileError(error, path);
  }
}
