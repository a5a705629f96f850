import type { ByteSource } from "../base/index.ts";
import type { MergedNode } from "../union/index.ts";
import { assertNotCancelled } from "./argument-error.ts";
import { errnoError } from "./errno-error.ts";
import type { ChunkRange } from "./image-read-stream.ts";
import { ImageBigIntStats, ImageStats } from "./image-stats.ts";
import { assertWhole } from "./open-content.ts";
import { positionOf, windowOf } from "./read-arguments.ts";
import { ReadingHandle, WHOLE_FILE_CHUNK } from "./reading-handle.ts";
import { refuseHandleWrite } from "./refused-writes.ts";

/**
 * An open file or directory of an image, shaped like `FileHandle` of `node:fs/promises`. It has no descriptor number.
 * Any number of reads may be under way at once; whoever opened it closes it. Everything that writes fails with EROFS.
 */
export class ImageFileHandle extends ReadingHandle {
  readonly #node: MergedNode;
  readonly #source: ByteSource | undefined;

  /** Takes over the source; undefined for a directory. */
  constructor(node: MergedNode, source: ByteSource | undefined) {
    super();
    this.#node = node;
    this.#source = source;
  }

  /** Fills several buffers one after the other. */
  async readv<T extends readonly NodeJS.ArrayBufferView[]>(
    buffers: T,
    position?: number | null,
  ): Promise<{ readonly bytesRead: number; readonly buffers: T }> {
    this.#sourceOrThrow("readv");
    const total = buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0);
    const bytes = Buffer.allocUnsafe(total);
    const bytesRead = await this.readAt(bytes, positionOf(position));
    let from = 0;
    for (const buffer of buffers) {
      bytes.copy(windowOf(buffer, {}), 0, from, Math.min(bytesRead, from + buffer.byteLength));
      from += buffer.byteLength;
    }
    return { bytesRead, buffers };
  }

  /**
   * `length` bytes (default: all) from `start` (default: the current position, which then moves on), in order.
   *
   * A compressed layer can be inflated once up to where these bytes end, while reading it at random makes it be spooled
   * whole: hence the two ways.
   */
  async *chunks({ start, length = this.#node.size, chunkSize }: ChunkRange): AsyncGenerator<Buffer> {
    const source = this.#sourceOrThrow();
    const first = start ?? this.position;
    const end = Math.min(source.size, first + length);
    const moves = start === undefined;
    if (source.readSync === undefined) yield* this.passOn(source.stream({ start: first, end }), moves);
    else yield* this.readPieces({ first, end, chunkSize }, moves);
  }

  stat(options?: { readonly bigint?: false | undefined }): Promise<ImageStats>;
  stat(options: { readonly bigint: true }): Promise<ImageBigIntStats>;
  async stat(options: { readonly bigint?: boolean | undefined } = {}): Promise<ImageStats | ImageBigIntStats> {
    this.assertOpen("fstat");
    return options.bigint === true ? new ImageBigIntStats(this.#node) : new ImageStats(this.#node);
  }

  /** Nothing to do: nothing is ever written. */
  async sync(): Promise<void> {
    this.assertOpen("fsync");
  }

  /** Nothing to do: nothing is ever written. */
  async datasync(): Promise<void> {
    this.assertOpen("fdatasync");
  }

  readonly appendFile = refuseHandleWrite("write");
  readonly chmod = refuseHandleWrite("fchmod");
  readonly chown = refuseHandleWrite("fchown");
  readonly truncate = refuseHandleWrite("ftruncate");
  readonly utimes = refuseHandleWrite("futime");
  readonly write = refuseHandleWrite("write");
  readonly writeFile = refuseHandleWrite("write");
  readonly writev = refuseHandleWrite("write");

  #sourceOrThrow(syscall = "read"): ByteSource {
    this.assertOpen(syscall);
    if (this.#source !== undefined) return this.#source;
    throw errnoError("EISDIR", { syscall: "read" });
  }

  protected async readAt(bytes: Uint8Array, position: number | undefined): Promise<number> {
    if (bytes.length === 0) return 0;
    const source = this.#sourceOrThrow();
    const at = position ?? this.position;
    // Moved before the read ends, so that reads under way at once take one part each.
    if (position === undefined) this.position = Math.min(this.#node.size, at + bytes.length);
    return at >= source.size ? 0 : await this.whileOpen(() => source.read(bytes, at));
  }

  protected async readRest(signal: AbortSignal | undefined): Promise<Buffer> {
    assertWhole(this.#node);
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, this.#node.size - this.position));
    let length = 0;
    assertNotCancelled(signal);
    for await (const chunk of this.chunks({ chunkSize: WHOLE_FILE_CHUNK })) {
      assertNotCancelled(signal);
      length += chunk.copy(bytes, length);
    }
    return bytes.subarray(0, length);
  }

  protected async release(): Promise<void> {
    await this.#source?.[Symbol.asyncDispose]();
  }
}
