import { StrataError, toText } from "../base/index.ts";
import { END_OF_ARCHIVE, encodeHeader, type TarHeaderFields } from "./encode-header.ts";
import { paddingOf } from "./header-block.ts";

/** One entry to write, with the data of a file: exactly `entry.size` bytes. */
export interface TarMember {
  readonly entry: TarHeaderFields;
  /** Absent for entries without data. */
  readonly data?: AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined;
}

/** Pieces below this size are gathered into one chunk of about this size. */
const CHUNK_SIZE = 64 * 1024;

/**
 * Writes an archive with its end marker: the same bytes for the same entries. Data is passed on as it comes and read
 * only when the consumer asks.
 *
 * @throws `tar-size-mismatch` (failed-precondition) when data is longer or shorter than the entry's size,
 * `tar-unencodable` as {@link encodeHeader} does.
 */
export async function* writeTar(
  members: AsyncIterable<TarMember> | Iterable<TarMember>,
): AsyncGenerator<Uint8Array, void> {
  let pieces: Uint8Array[] = [];
  let gathered = 0;
  for await (const piece of piecesOf(members)) {
    if (gathered > 0 && gathered + piece.length > CHUNK_SIZE) {
      yield Buffer.concat(pieces, gathered);
      pieces = [];
      gathered = 0;
    }
    if (piece.length >= CHUNK_SIZE) {
      yield piece;
    } else {
      pieces.push(piece);
      gathered += piece.length;
    }
  }
  yield Buffer.concat(pieces, gathered);
}

async function* piecesOf(members: AsyncIterable<TarMember> | Iterable<TarMember>): AsyncGenerator<Uint8Array, void> {
  for await (const { entry, data = [] } of members) {
    yield encodeHeader(entry);
    let written = 0;
    for await (const chunk of data) {
      written += chunk.length;
      if (written > entry.size) throw sizeMismatch(entry, "more");
      yield chunk;
    }
    if (written < entry.size) throw sizeMismatch(entry, `only ${written}`);
    const padding = paddingOf(entry.size);
    if (padding > 0) yield END_OF_ARCHIVE.subarray(0, padding);
  }
  yield END_OF_ARCHIVE;
}

function sizeMismatch({ name, size }: TarHeaderFields, actual: string): StrataError {
  return new StrataError({
    code: "tar-size-mismatch",
    kind: "failed-precondition",
    message: `Cannot write tar entry ${JSON.stringify(toText(name))}: its header promises ${size} bytes and its data has ${actual}`,
    details: { entry: toText(name), size },
    hint: "The file changed while it was read: try again when nothing writes to it",
  });
}
