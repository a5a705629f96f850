import { now, StrataError } from "../../base/index.ts";
import { downloadSpan } from "./download-blob.ts";
import { type BlobAnswer, type RemoteBlob, requestSpan, type Span } from "./remote-blob.ts";

/**
 * {@link downloadSpan} with several ranges under way at once where one connection is slow, at most `transfer.ranges` of
 * `transfer.rangeBytes` in memory. The first range tells how fast one is; a registry that ignores ranges is given its way.
 */
export async function* downloadRanges(
  blob: RemoteBlob,
  { start, end }: Span,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const { rangeBytes, rangesBelow } = blob.repository.transfer;
  const head = { start, end: Math.min(end, start + rangeBytes) };
  const begun = now();
  const first = await requestSpan(blob, head, signal);
  if (first.response.status !== 206) return yield* downloadSpan(blob, { start, end }, { signal, first });
  yield* await collect(downloadSpan(blob, head, { signal, first }));
  const rest = { start: head.end, end };
  const rate = ((head.end - start) * 1000) / Math.max(1, now() - begun);
  yield* rate < rangesBelow ? inParallel(blob, rest, signal) : downloadSpan(blob, rest, { signal });
}

async function* inParallel(
  blob: RemoteBlob,
  { start, end }: Span,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  await using pieces = new Pieces(blob, { start, end }, signal);
  let offset = start;
  try {
    for await (const chunk of pieces.inOrder()) {
      offset += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (error !== RANGES_IGNORED) throw error;
    yield* downloadSpan(blob, { start: offset, end }, { signal });
  }
}

/** What ends the pieces when a registry that honoured ranges stops doing so; never seen outside. */
const RANGES_IGNORED = new StrataError({
  code: "gave-up",
  kind: "internal",
  message: "The registry ignores ranges",
});

/** Ranges under way, one after the other. Disposing ends them. */
class Pieces implements AsyncDisposable {
  readonly #blob: RemoteBlob;
  readonly #end: number;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #underWay: Promise<Uint8Array[]>[] = [];
  #next: number;

  constructor(blob: RemoteBlob, { start, end }: Span, signal: AbortSignal | undefined) {
    this.#blob = blob;
    this.#next = start;
    this.#end = end;
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  async *inOrder(): AsyncGenerator<Uint8Array, void> {
    const { ranges } = this.#blob.repository.transfer;
    for (;;) {
      while (this.#underWay.length < ranges && this.#next < this.#end) this.#begin();
      const piece = this.#underWay[0];
      if (piece === undefined) return;
      yield* await piece;
      void this.#underWay.shift();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#underWay);
  }

  #begin(): void {
    const start = this.#next;
    this.#next = Math.min(this.#end, start + this.#blob.repository.transfer.rangeBytes);
    const onAnswer = ({ offset }: BlobAnswer, wanted: number): void => {
      if (offset !== wanted) throw RANGES_IGNORED;
    };
    const options = { signal: this.#signal, onAnswer };
    const piece = collect(downloadSpan(this.#blob, { start, end: this.#next }, options));
    // Whoever waits for it sees its failure; until then nobody does.
    piece.catch(() => {});
    this.#underWay.push(piece);
  }
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
