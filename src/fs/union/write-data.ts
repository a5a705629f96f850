import { assertNotCancelled, wrongType } from "../argument-error.ts";
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

function isIterable(data: unknown): data is Iterable<never> | AsyncIterable<never> {
  if (typeof data !== "object" || data === null) return false;
  return Symbol.asyncIterator in data || Symbol.iterator in data;
}
