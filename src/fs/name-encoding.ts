import { type ByteString, toBuffer, toText } from "../base/index.ts";
import { wrongType, wrongValue } from "./argument-error.ts";

/** How names and link targets are handed out; `buffer` is byte-exact, `latin1` too (one character per byte). */
export type NameEncoding = BufferEncoding | "buffer";

/** Options of the functions that return names: an encoding, or an object with one. */
export type NameOptions = NameEncoding | { readonly encoding?: NameEncoding | null | undefined } | null | undefined;

/** Turns a name's bytes into what the caller asked for. */
export type EncodeName = (name: ByteString) => string | Buffer;

/** Reads the `options` argument: text is short for `{ encoding }`. */
export function optionsOf<T extends object>(
  options: T | string | null | undefined,
): Partial<T> & { encoding?: unknown } {
  if (options === undefined || options === null) return {};
  if (typeof options === "string") return { encoding: options } as Partial<T> & { encoding: string };
  if (typeof options === "object") return options;
  throw wrongType("options", "one of type string or object", options);
}

/** @throws TypeError `ERR_INVALID_ARG_VALUE` when there is no such encoding */
export function encoderFor(encoding: unknown): EncodeName {
  switch (encoding) {
    case undefined:
    case null:
    case "utf8":
    case "utf-8":
      return toText;
    case "buffer":
      return toBuffer;
    case "latin1":
    case "binary":
      return (name) => name;
  }
  const other = assertEncoding(encoding);
  return (name) => toBuffer(name).toString(other);
}

/** How content is handed out: as it is where no encoding is asked. */
export function decoderFor(encoding: unknown): (bytes: Buffer) => string | Buffer {
  if (encoding === undefined || encoding === null || encoding === "buffer") return (bytes) => bytes;
  const known = assertEncoding(encoding);
  return (bytes) => bytes.toString(known);
}

/** @throws TypeError `ERR_INVALID_ARG_VALUE` when `encoding` is none of Buffer's */
export function assertEncoding(encoding: unknown): BufferEncoding {
  if (typeof encoding === "string" && Buffer.isEncoding(encoding)) return encoding;
  throw wrongValue("encoding", encoding, "is invalid encoding");
}
