import * as v from "valibot";
import { StrataError } from "../base/index.ts";
import { type DiffId, type Digest, parseDiffId, parseDigest } from "./digest.ts";
import { type ParseJsonOptions, parseJson } from "./json.ts";

/** A length in bytes: an integer that JavaScript can hold exactly. */
export const sizeSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** Text to {@link Digest}; what {@link parseDigest} throws becomes an issue at the digest's place. */
export const digestSchema = v.pipe(
  v.string(),
  v.rawTransform<string, Digest>(({ dataset, addIssue, NEVER }) =>
    guarded(() => parseDigest(dataset.value), addIssue, NEVER),
  ),
);

/** Text to {@link DiffId}. */
export const diffIdSchema = v.pipe(
  v.string(),
  v.rawTransform<string, DiffId>(({ dataset, addIssue, NEVER }) =>
    guarded(() => parseDiffId(dataset.value), addIssue, NEVER),
  ),
);

export const annotationsSchema = v.record(v.string(), v.string());

/** How a document is named in messages, and the code of the error that says it breaks its schema. */
export interface DocumentNames {
  readonly what: string;
  readonly code: string;
}

/**
 * Parses a spec document: {@link parseJson}, then members that are null count as absent, as they do
 * for Go, whose programs write most documents.
 */
export function decodeDocument(bytes: Uint8Array, options: ParseJsonOptions): unknown {
  return dropNulls(parseJson(bytes, options));
}

/** Checks a decoded document. @throws StrataError of kind malformed: `code`, with the path of the wrong value. */
export function validateDocument<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  { what, code }: DocumentNames,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new StrataError({
    code,
    kind: "malformed",
    message: `The ${what} is not valid${path === null ? "" : ` at ${path}`}: ${issue.message}`,
    details: path === null ? {} : { path },
  });
}

function dropNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropNulls);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(kept.map(([key, member]) => [key, dropNulls(member)]));
}

function guarded<T>(parse: () => T, addIssue: (info: { message: string }) => void, never: never): T {
  try {
    return parse();
  } catch (error) {
    addIssue({ message: (error as Error).message });
    return never;
  }
}
