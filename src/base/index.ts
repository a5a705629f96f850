/**
 * base: what every room stands on, and nothing about containers.
 *
 * - {@link StrataError}: the one root of errors: `code` for machines, `kind` for what to do, `details` for where.
 * - {@link ByteString}: bytes that behave like strings, because file names are bytes.
 * - {@link ByteSource}: bytes of known length, readable at any offset.
 * - {@link mapConcurrent}: parallel work with a bound.
 *
 * @example
 * const source = memorySource(fromBytes);
 * const head = await readAll(source, { end: 512 });
 *
 * @module
 */
export { type ByteRange, type ByteSource, memorySource, readAll, sliceSource } from "./byte-source.ts";
export { type ByteString, fromBuffer, fromText, isUtf8, toBuffer, toText } from "./byte-string.ts";
export { now, randomFraction, randomName, sleep } from "./clock.ts";
export { mapConcurrent } from "./concurrency.ts";
export { type FileTime, isLater, isSameTime, timeOfNanoseconds } from "./file-time.ts";
export {
  addDetails,
  assertNotAborted,
  type ErrorDetails,
  type ErrorKind,
  firstError,
  packError,
  replaceHint,
  StrataError,
  type StrataErrorInit,
} from "./strata-error.ts";
