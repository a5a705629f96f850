import { fileURLToPath } from "node:url";
import { type ByteString, fromBuffer, fromText } from "../base/index.ts";
import { wrongType, wrongValue } from "./argument-error.ts";

/** A path as Node's functions take it: text (UTF-8), exact bytes, or a `file:` URL. Relative ones start at the root. */
export type PathLike = string | Uint8Array | URL;

/** A path argument, understood. */
export interface ImagePath {
  /** Byte-exact and unresolved. */
  readonly bytes: ByteString;
  /** For messages. */
  readonly text: string;
  /** The argument itself, where it was no URL. */
  readonly given: string | Buffer;
}

/**
 * Reads a path argument. URLs are read as on Linux on every platform, because images are Linux.
 *
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` (null bytes), `ERR_INVALID_URL_SCHEME` …, as Node
 */
export function parsePath(path: PathLike, name = "path"): ImagePath {
  const parsed = understand(path, name);
  if (!parsed.bytes.includes("\0")) return parsed;
  throw wrongValue(name, path, "must be a string, Uint8Array, or URL without null bytes");
}

function understand(path: PathLike, name: string): ImagePath {
  if (typeof path === "string") return { bytes: fromText(path), text: path, given: path };
  if (path instanceof Uint8Array) return ofBytes(path);
  if (path instanceof URL) return understand(fileURLToPath(path, { windows: false }), name);
  throw wrongType(name, "of type string or an instance of Buffer or URL", path);
}

function ofBytes(path: Uint8Array): ImagePath {
  const given = Buffer.from(path.buffer, path.byteOffset, path.byteLength);
  return { bytes: fromBuffer(path), text: given.toString("utf8"), given };
}
