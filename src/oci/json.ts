import { StrataError } from "../base/index.ts";
import { findJsonTrouble } from "./json-trouble.ts";

/** Largest manifest, index or config that is read unless a caller says otherwise: 4 MiB, as registries have it. */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;

const MAX_DEPTH = 64;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** How a document is parsed, and within which bounds. */
export interface ParseJsonOptions {
  /** Names the document in messages: `manifest sha256:…`, `manifest.json`. */
  readonly what: string;
  /** Longest accepted document in bytes; {@link MAX_DOCUMENT_BYTES} unless given. */
  readonly maxBytes?: number;
  /** Deepest accepted nesting of arrays and objects; 64 unless given. */
  readonly maxDepth?: number;
}

/**
 * Parses a JSON document from an untrusted place. Strict UTF-8, no byte order mark, no duplicate key at any depth:
 * two readers must never see two different documents in the same bytes.
 * @throws StrataError of kind malformed: `json-too-large`, `json-not-utf8`, `json-too-deep`, `invalid-json`,
 * `duplicate-json-key` (details: key, offset in bytes).
 */
export function parseJson(bytes: Uint8Array, options: ParseJsonOptions): unknown {
  const { what, maxBytes = MAX_DOCUMENT_BYTES, maxDepth = MAX_DEPTH } = options;
  assertDocumentSize(bytes.length, what, maxBytes);
  const text = decodeUtf8(bytes, what);
  const trouble = findJsonTrouble(text, maxDepth);
  const offsetOf = (index: number): number => Buffer.byteLength(text.slice(0, index));
  if (trouble?.kind === "depth") {
    throw refuse("json-too-deep", what, `is nested deeper than ${maxDepth} levels`, {
      offset: offsetOf(trouble.index),
    });
  }
  const value = parseText(text, what);
  if (trouble?.kind === "duplicate") {
    const { key, index } = trouble;
    const offset = offsetOf(index);
    throw refuse(
      "duplicate-json-key",
      what,
      `has the key ${JSON.stringify(key)} twice in one object, at offset ${offset}`,
      {
        key,
        offset,
      },
    );
  }
  return value;
}

/**
 * Refuses a document by its size alone, before it is read.
 * @throws StrataError `json-too-large`
 */
export function assertDocumentSize(size: number, what: string, maxBytes: number = MAX_DOCUMENT_BYTES): void {
  if (size > maxBytes) throw refuse("json-too-large", what, `has ${size} bytes, more than the ${maxBytes} allowed`);
}

function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return strictUtf8.decode(bytes);
  } catch (cause) {
    throw refuse("json-not-utf8", what, "is not valid UTF-8", {}, cause);
  }
}

function parseText(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw refuse("invalid-json", what, `is not valid JSON: ${(cause as Error).message}`, {}, cause);
  }
}

function refuse(code: string, what: string, problem: string, details: object = {}, cause?: unknown): StrataError {
  return new StrataError({
    code,
    kind: "malformed",
    message: `The ${what} ${problem}`,
    details: { ...details },
    cause,
  });
}
