import { setImmediate as nextTurn } from "node:timers/promises";
import { StrataError, toText } from "../base/index.ts";
import { CHUNK_SIZE, ChunkPool } from "./chunk-pool.ts";
import { END_OF_ARCHIVE, encodeHeaderOnce, storedSizeOf, type TarHeaderFields } from "./encode-header.ts";
import { paddingOf } from "./header-block.ts";

/** One entry to write, with the data of a file: exactly `entry.size` bytes, or those of its `sparse` runs one after another. */
export interface TarMember {
  readonly entry: TarHeaderFields;
  /**
   * Absent for entries without data. Pieces that need not be waited for are copied before the next is taken, those of an array
   * before anything else happens; pieces that have to be waited for are given away.
   */
  readonly data?: AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined;
}

/** How an archive is written. */
export interface WriteTarOptions {
  /** Where the chunks are from that are handed out. Default: all of them are new. */
  readonly pool?: ChunkPool | undefined;
}

/** A piece that is given away is a chunk by itself from this size on. */
const LARGE_PIECE = 256 * 1024;

/**
 * Writes an archive with its end marker: the same bytes for the same entries. Data is read only when the consumer asks. Others have
 * their turn after each chunk.
 *
 * @throws `tar-size-mismatch` (failed-precondition) when data is longer or shorter than the entry promises,
 * `tar-unencodable` as {@link encodeHeader} does.
 */
export async function* writeTar(
  members: AsyncIterable<TarMember> | Iterable<TarMember>,
  { pool = new ChunkPool() }: WriteTarOptions = {},
): AsyncGenerator<Uint8Array, void> {
  const gathered = new ChunkGatherer(pool);
  // Many members wait for nothing: a promise for each of them would cost more than its header.
  if (Symbol.iterator in members) {
    for (const member of members) {
      if (!addAtOnce(member, gathered)) yield* addInTurns(member, gathered);
      if (gathered.isReady) yield* gathered.handOut();
    }
  } else {
    for await (const member of members) {
      if (!addAtOnce(member, gathered)) yield* addInTurns(member, gathered);
      if (gathered.isReady) yield* gathered.handOut();
    }
  }
  gathered.copy(END_OF_ARCHIVE);
  yield* gathered.handOutAll();
}

/** False for a member whose data is not there yet, of which nothing is added. */
function addAtOnce({ entry, data = [] }: TarMember, gathered: ChunkGatherer): boolean {
  if (!Array.isArray(data)) return false;
  gathered.copy(encodeHeaderOnce(entry));
  const size = new PromisedSize(entry);
  for (const piece of data as readonly Uint8Array[]) gathered.copy(size.count(piece));
  gathered.copy(size.padding());
  return true;
}

async function* addInTurns({ entry, data = [] }: TarMember, gathered: ChunkGatherer): AsyncGenerator<Uint8Array, void> {
  gathered.copy(encodeHeaderOnce(entry));
  const size = new PromisedSize(entry);
  if (Symbol.iterator in data) {
    for (const piece of data) {
      gathered.copy(size.count(piece));
      if (gathered.isReady) yield* gathered.handOut();
    }
  } else {
    for await (const piece of data) {
      gathered.take(size.count(piece));
      if (gathered.isReady) yield* gathered.handOut();
    }
  }
  gathered.copy(size.padding());
}

/** Makes chunks of pieces. */
class ChunkGatherer {
  readonly #pool: ChunkPool;
  #chunk: Buffer | undefined;
  #length = 0;
  #ready: Uint8Array[] = [];

  constructor(pool: ChunkPool) {
    this.#pool = pool;
  }

  get isReady(): boolean {
    return this.#ready.length > 0;
  }

  copy(piece: Uint8Array): void {
    let rest = piece;
    while (rest.length >= CHUNK_SIZE - this.#length) {
      const part = rest.subarray(0, CHUNK_SIZE - this.#length);
      this.#append(part);
      this.#flush();
      rest = rest.subarray(part.length);
    }
    if (rest.length > 0) this.#append(rest);
  }

  take(piece: Uint8Array): void {
    if (piece.length < LARGE_PIECE) return this.copy(piece);
    this.#flush();
    this.#ready.push(piece);
  }

  /** The chunks that are full. */
  async *handOut(): AsyncGenerator<Uint8Array, void> {
    const ready = this.#ready;
    this.#ready = [];
    for (const chunk of ready) {
      yield chunk;
      // Members that wait for nothing would keep everybody else waiting.
      await nextTurn();
    }
  }

  async *handOutAll(): AsyncGenerator<Uint8Array, void> {
    this.#flush();
    yield* this.handOut();
  }

  #append(piece: Uint8Array): void {
    this.#chunk ??= this.#pool.take();
    this.#chunk.set(piece, this.#length);
    this.#length += piece.length;
  }

  #flush(): void {
    if (this.#chunk === undefined) return;
    // Who keeps a short rest need not keep the room for a whole chunk.
    const isShort = this.#length < CHUNK_SIZE / 2;
    const chunk = this.#chunk.subarray(0, this.#length);
    this.#ready.push(isShort ? Buffer.from(chunk) : chunk);
    this.#chunk = undefined;
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
