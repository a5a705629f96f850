import { setImmediate as nextTurn } from "node:timers/promises";
import { type ByteSource, type ByteString, isUtf8, toText } from "../base/index.ts";
import { readTar, type ScanTarOptions } from "./scan-tar.ts";
import { malformedTar } from "./tar-error.ts";
import { Crc64 } from "./tar-split-crc.ts";

/** A file of a tar whose data the journal leaves out. */
export interface TarSplitFile {
  /** Under which it is found again. */
  readonly name: ByteString;
  readonly dataOffset: number;
  /** 0 for an entry that is only mentioned. */
  readonly size: number;
}

const CHUNK_BYTES = 256 * 1024;
const LINES_BYTES = 64 * 1024;
/** Bytes that are read and summed up without letting anybody else run. */
const TURN_BYTES = 4 * 1024 * 1024;

/**
 * The tar-split journal of a tar, as uncompressed JSON lines: with it and the files, {@link tarSplitSource} gives the same
 * tar. The data of sparse files stays in the journal, because a file system gives it back in another form.
 *
 * @throws when iterated: what {@link readTar} throws for a tar that it cannot read
 */
export function encodeTarSplit(tar: ByteSource, options: ScanTarOptions = {}): AsyncGenerator<Uint8Array, void> {
  return encodeTarSplitAround(tar, filesOf(tar, options));
}

/** What a journal says of its files. */
export interface TarSplitAroundOptions {
  /**
   * Leaves the checksums out, so that the data of files need not be read: for {@link decodeTarSplit} with `unchecked`,
   * when the digest of the whole tar is known. Default: no.
   */
  readonly unchecked?: boolean;
}

/**
 * {@link encodeTarSplit} for whoever knows which files lie outside, and under what names: everything else of the tar is
 * kept in the journal. Files come in the order of their data.
 *
 * @throws when iterated: StrataError `tar-truncated`
 */
export async function* encodeTarSplitAround(
  tar: ByteSource,
  files: AsyncIterable<TarSplitFile> | Iterable<TarSplitFile>,
  { unchecked = false }: TarSplitAroundOptions = {},
): AsyncGenerator<Uint8Array, void> {
  let lines: string[] = [];
  let held = 0;
  for await (const fields of linesOf(tar, files, unchecked)) {
    const line = JSON.stringify(fields);
    lines.push(line, "\n");
    held += line.length;
    if (held < LINES_BYTES) continue;
    yield Buffer.from(lines.join(""));
    lines = [];
    held = 0;
  }
  yield Buffer.from(lines.join(""));
}

async function* filesOf(tar: ByteSource, options: ScanTarOptions): AsyncGenerator<TarSplitFile, void> {
  for await (const { name, type, size, storedSize, dataOffset } of readTar(tar, options)) {
    const hasData = type === "file" && size === storedSize;
    yield { name, dataOffset, size: hasData ? size : 0 };
  }
}

async function* linesOf(
  tar: ByteSource,
  files: AsyncIterable<TarSplitFile> | Iterable<TarSplitFile>,
  unchecked: boolean,
): AsyncGenerator<object, void> {
  const pieces = piecesOf(tar);
  let position = 0;
  let done = 0;
  for await (const { name, size, dataOffset } of files) {
    for await (const chunk of pieces(done, dataOffset)) yield segment(chunk, position++);
    const named = isUtf8(name) ? { name: toText(name) } : { name_raw: base64(Buffer.from(name, "latin1")) };
    done = dataOffset + size;
    const payload = size === 0 || unchecked ? null : await checksumOf(pieces(dataOffset, done));
    yield { type: 1, ...named, ...(size > 0 && { size }), payload, position: position++ };
  }
  for await (const chunk of pieces(done, tar.size)) yield segment(chunk, position++);
}

function segment(bytes: Uint8Array, position: number): object {
  return { type: 2, payload: base64(bytes), position };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

async function checksumOf(data: AsyncIterable<Uint8Array>): Promise<string> {
  const checksum = new Crc64();
  for await (const chunk of data) checksum.update(chunk);
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(checksum.high, 0);
  bytes.writeUInt32BE(checksum.low, 4);
  return base64(bytes);
}

/** Reads ranges of a tar, most of them small, without waiting where that is possible. A chunk is good until the next. */
function piecesOf(tar: ByteSource): (start: number, end: number) => AsyncGenerator<Uint8Array, void> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  let sinceTurn = 0;
  return async function* pieces(start, end) {
    for (let at = start; at < end; ) {
      const part = buffer.subarray(0, Math.min(CHUNK_BYTES, end - at));
      const count = tar.readSync === undefined ? await tar.read(part, at) : tar.readSync(part, at);
      if (count === 0) throw malformedTar("tar-truncated", "ends before its data does", { offset: at });
      yield part.subarray(0, count);
      at += count;
      sinceTurn += count;
      if (sinceTurn < TURN_BYTES) continue;
      sinceTurn = 0;
      await nextTurn();
    }
  };
}
