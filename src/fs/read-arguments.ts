import { assertInteger, outOfRange, wrongType, wrongValue } from "./argument-error.ts";

/** Where `read` puts what, as of `FileHandle.read`. */
export interface ReadOptions<T extends NodeJS.ArrayBufferView = NodeJS.ArrayBufferView> {
  /** Default: a new one of 16 KiB. */
  readonly buffer?: T | undefined;
  /** Where in the buffer to begin. Default 0. */
  readonly offset?: number | null | undefined;
  /** Bytes to read at most. Default: to the end of the buffer. */
  readonly length?: number | null | undefined;
  /** Where in the file. Default, null or negative: where the last such read ended, which then moves on. */
  readonly position?: number | bigint | null | undefined;
}

const DEFAULT_BUFFER = 16 * 1024;

type Wish = ReadOptions & { readonly buffer: NodeJS.ArrayBufferView };

/** The arguments of `read` in whichever form they came. */
export function wishOf(
  target: NodeJS.ArrayBufferView | ReadOptions | null | undefined,
  offset: number | Omit<ReadOptions, "buffer"> | null | undefined,
  length: number | null | undefined,
  position: number | bigint | null | undefined,
): Wish {
  if (ArrayBuffer.isView(target)) {
    if (typeof offset === "object" && offset !== null) return { ...offset, buffer: target };
    return { buffer: target, offset, length, position };
  }
  if (target !== undefined && typeof target !== "object") throw wrongType("options", "of type object", target);
  const buffer = target?.buffer ?? Buffer.alloc(DEFAULT_BUFFER);
  if (ArrayBuffer.isView(buffer)) return { ...target, buffer };
  throw wrongType("buffer", "an instance of Buffer, TypedArray, or DataView", buffer);
}

/** The part of the buffer that is meant. */
export function windowOf(buffer: NodeJS.ArrayBufferView, wish: Pick<ReadOptions, "offset" | "length">): Uint8Array {
  const offset = assertInteger(wish.offset ?? 0, "offset");
  const room = buffer.byteLength - offset;
  const length = wish.length ?? room;
  if (length === 0) return new Uint8Array();
  if (buffer.byteLength === 0) throw wrongValue("buffer", buffer, "is empty and cannot be written");
  if (length < 0) throw outOfRange("length", ">= 0", length);
  if (length > room) throw outOfRange("length", `<= ${room}`, length);
  return new Uint8Array(buffer.buffer, buffer.byteOffset + offset, length);
}

/** Undefined for the current position. */
export function positionOf(position: number | bigint | null | undefined): number | undefined {
  const at = typeof position === "bigint" ? Number(position) : position;
  return typeof at === "number" && Number.isSafeInteger(at) && at >= 0 ? at : undefined;
}
