import { assertInteger, assertNotCancelled, wrongType } from "../argument-error.ts";
import { assertEncoding } from "../name-encoding.ts";

/** What `writeFile` takes. */
export type WriteData =
  | string
  | NodeJS.ArrayBufferView
  | Iterable<string | NodeJS.ArrayBufferView>
  | AsyncIterable<string | NodeJS.ArrayBufferView>;

/** The bytes of what `writeFile` was given, piece by piece. */
export async function* bytesOfData(
  data: WriteData,
  { encoding, signal }: { readonly encoding?: unknown; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<Buffer> {
  assertNotCancelled(signal);
  if (typeof data === "string" || ArrayBuffer.isView(data)) {
    yield bytesOf(data, encoding);
    return;
  }
  if (!isIterable(data))
    throw wrongType("data", "of type string or an instance of Buffer, TypedArray, or DataView", data);
  for await (const piece of data) {
    assertNotCancelled(signal);
    yield bytesOf(piece, encoding);
  }
}

/** One piece of data. */
export function bytesOf(data: string | NodeJS.ArrayBufferView, encoding?: unknown): Buffer {
  if (typeof data === "string") return Buffer.from(data, assertEncoding(encoding ?? "utf8"));
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  throw wrongType("data", "of type string or an instance of Buffer, TypedArray, or DataView", data);
}

/** Which part of a buffer `FileHandle.write` writes, and where to. */
export interface WriteOptions {
  readonly offset?: number | null | undefined;
  readonly length?: number | null | undefined;
  readonly position?: number | null | undefined;
}

/** The arguments of `FileHandle.write` in whichever form they came. */
export function partOf(
  data: string | NodeJS.ArrayBufferView,
  offset: number | WriteOptions | null | undefined,
  length: number | BufferEncoding | null | undefined,
  position: number | null | undefined,
): { readonly bytes: Buffer; readonly position: number | null | undefined } {
  // Of text the second argument is the position, the third the encoding.
  if (typeof data === "string") return { bytes: bytesOf(data, length), position: offset as number | null | undefined };
  const wish: WriteOptions =
    typeof offset === "object" && offset !== null ? offset : { offset, length: length as number, position };
  const whole = bytesOf(data);
  const from = assertInteger(wish.offset ?? 0, "offset", 0, whole.length);
  const count = assertInteger(wish.length ?? whole.length - from, "length", 0, whole.length - from);
  return { bytes: whole.subarray(from, from + count), position: wish.position };
}

function isIterable(data: unknown): data is Iterable<never> | AsyncIterable<never> {
  if (typeof data !== "object" || data === null) return false;
  return Symbol.asyncIterator in data || Symbol.iterator in data;
}
