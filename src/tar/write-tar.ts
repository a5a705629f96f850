import { setImmediate as nextTurn } from "node:timers/promises";
import { StrataError, toText } from "../base/index.ts";
import { END_OF_ARCHIVE, encodeHeader, storedSizeOf, type TarHeaderFields } from "./encode-header.ts";
import { paddingOf } from "./header-block.ts";

/** One entry to write, with the data of a file: exactly `entry.size` bytes, or those of its `sparse` runs one after another. */
export interface TarMember {
  readonly entry: TarHeaderFields;
  /** Absent for entries without data. What is there already costs no promises when it is a plain iterable. */
  readonly data?: AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined;
}

/** Pieces below this size are gathered into one chunk of about this size. */
const CHUNK_SIZE = 64 * 1024;
/** Members that wait for nothing would keep everybody else waiting: after so many chunks others have their turn. */
const CHUNKS_PER_TURN = 32;

/**
 * Writes an archive with its end marker: the same bytes for the same entries. Data is passed on as it comes and read
 * only when the consumer asks.
 *
 * @throws `tar-size-mismatch` (failed-precondition) when data is longer or shorter than the entry promises,
 * `tar-unencodable` as {@link encodeHeader} does.
 */
export async function* writeTar(
  members: AsyncIterable<TarMember> | Iterable<TarMember>,
): AsyncGenerator<Uint8Array, void> {
  const gathered = new ChunkGatherer();
  let turn = 0;
  for await (const { entry, data = [] } of members) {
    gathered.add(encodeHeader(entry));
    const size = new PromisedSize(entry);
    if (Symbol.iterator in data) {
      for (const chunk of data) {
        gathered.add(size.count(chunk));
        if (gathered.isReady) yield* gathered.take();
      }
    } else {
      for await (const chunk of data) {
        gathered.add(size.count(chunk));
        if (gathered.isReady) yield* gathered.take();
      }
    }
    gathered.add(size.padding());
    if (!gathered.isReady) continue;
    yield* gathered.take();
    if (++turn % CHUNKS_PER_TURN === 0) await nextTurn();
  }
  gathered.add(END_OF_ARCHIVE);
  yield* gathered.takeAll();
}

/** Makes chunks of pieces; large pieces are chunks as they are. */
class ChunkGatherer {
  #pieces: Uint8Array[] = [];
  #length = 0;
  #ready: Uint8Array[] = [];

  get isReady(): boolean {
    return this.#ready.length > 0;
  }

  add(piece: Uint8Array): void {
    if (this.#length + piece.length > CHUNK_SIZE) this.#flush();
    if (piece.length >= CHUNK_SIZE) {
      this.#ready.push(piece);
    } else if (piece.length > 0) {
      this.#pieces.push(piece);
      this.#length += piece.length;
    }
  }

  take(): Uint8Array[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  takeAll(): Uint8Array[] {
    this.#flush();
    return this.take();
  }

  #flush(): void {
    if (this.#length === 0) return;
    this.#ready.push(Buffer.concat(this.#pieces, this.#length));
    this.#pieces = [];
    this.#length = 0;
  }
}

/** Holds the data of an entry against what its header promises. */
class PromisedSize {
  readonly #entry: TarHeaderFields;
  readonly #promised: number;
  #seen = 0;

  constructor(entry: TarHeaderFields) {
    this.#entry = entry;
    this.#promised = storedSizeOf(entry);
  }

  count(chunk: Uint8Array): Uint8Array {
    this.#seen += chunk.length;
    if (this.#seen > this.#promised) throw this.#mismatch("more");
    return chunk;
  }

  /** What follows the data, when it is all there. */
  padding(): Uint8Array {
    if (this.#seen < this.#promised) throw this.#mismatch(`only ${this.#seen}`);
    return END_OF_ARCHIVE.subarray(0, paddingOf(this.#promised));
  }

  #mismatch(actual: string): StrataError {
    const name = toText(this.#entry.name);
    return new StrataError({
      code: "tar-size-mismatch",
      kind: "failed-precondition",
      message: `Cannot write tar entry ${JSON.stringify(name)}: its header promises ${this.#promised} bytes and its data has ${actual}`,
      details: { entry: name, size: this.#promised },
      hint: "The file changed while it was read: try again when nothing writes to it",
    });
  }
}
