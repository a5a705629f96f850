import { StrataError } from "../../base/index.ts";
import { downloadSpan } from "./download-blob.ts";
import { type RemoteBlob, requestSpan, type Span } from "./remote-blob.ts";

/**
 * {@link downloadSpan} with several ranges under way at once, at most `transfer.ranges` of `transfer.rangeBytes` in memory.
 * Where the registry ignores ranges, one connection brings everything.
 */
export async function* downloadRanges(
  blob: RemoteBlob,
  span: Span,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const { rangeBytes } = blob.repository.transfer;
  const first = await requestSpan(
    blob,
    { start: span.start, end: Math.min(span.end, span.start + rangeBytes) },
    signal,
  );
  if (first.response.status !== 206) {
    yield* downloadSpan(blob, span, { signal, first });
    return;
  }
  await using pieces = new Pieces(blob, span, signal);
  pieces.start({ first });
  let offset = span.start;
  try {
    for await (const chunk of pieces.inOrder()) {
      offset += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (error !== RANGES_IGNORED) throw error;
    yield* downloadSpan(blob, { start: offset, end: span.end }, { signal });
  }
}

/** What ends the pieces when a registry that honoured ranges stops doing so; never seen outside. */
const RANGES_IGNORED = new StrataError({
  code: "gave-up",
  kind: "internal",
  message: "The registry ignores ranges",
});

type Begun = Pick<Parameters<typeof downloadSpan>[2], "first">;

/** The ranges under way. Disposing ends them. */
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

  /** Begins the next range. */
  start(begun: Begun = {}): void {
    const start = this.#next;
    this.#next = Math.min(this.#end, start + this.#blob.repository.transfer.rangeBytes);
    const piece = this.#collect({ start, end: this.#next }, begun);
    // Whoever waits for it sees its failure; until then nobody does.
    piece.catch(() => {});
    this.#underWay.push(piece);
  }

  async *inOrder(): AsyncGenerator<Uint8Array, void> {
    const { ranges } = this.#blob.repository.transfer;
    for (;;) {
      while (this.#underWay.length < ranges && this.#next < this.#end) this.start();
      const piece = this.#underWay[0];
      if (piece === undefined) return;
      yield* await piece;
      this.#underWay.shift();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#underWay);
  }

  async #collect(span: Span, begun: Begun): Promise<Uint8Array[]> {
    const chunks: Uint8Array[] = [];
    const onAnswer = ({ offset }: { readonly offset: number }, wanted: number): void => {
      if (offset !== wanted) throw RANGES_IGNORED;
    };
    for await (const chunk of downloadSpan(this.#blob, span, { ...begun, signal: this.#signal, onAnswer })) {
      chunks.push(chunk);
    }
    return chunks;
  }
}
