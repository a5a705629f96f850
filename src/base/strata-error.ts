/**
 * What the caller should do about an error, independent of where it came from.
 * The command line derives its exit code from the kind alone.
 */
export type ErrorKind =
  | "invalid-argument"
  | "malformed"
  | "integrity"
  | "hostile"
  | "not-found"
  | "already-exists"
  | "failed-precondition"
  | "unsupported"
  | "unauthenticated"
  | "unavailable"
  | "aborted"
  | "internal";

/** Where in the input an error lies. Every field is optional: each caller on the way up adds what it knows. */
export interface ErrorDetails {
  /** The image reference as the user wrote it. */
  readonly image?: string;
  /** Zero-based number of the layer, counted from the base. */
  readonly layer?: number;
  /** Digest of the blob concerned, with its algorithm. */
  readonly digest?: string;
  /** Name of the archive entry, as stored, decoded for reading. */
  readonly entry?: string;
  /** Byte offset in the uncompressed stream that was being read. */
  readonly offset?: number;
  readonly [key: string]: unknown;
}

/** What a {@link StrataError} is made of. */
export interface StrataErrorInit {
  /** Stable machine-readable name, kebab-case, listed in docs/errors.md. */
  readonly code: string;
  readonly kind: ErrorKind;
  /** One sentence that names the thing, without a full stop. */
  readonly message: string;
  readonly details?: ErrorDetails;
  /** What the user can do next, one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** The one root of all errors that this package throws, except the errno errors of the file-system views. */
export class StrataError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly details: ErrorDetails;
  readonly hint: string | undefined;

  constructor(init: StrataErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "StrataError";
    this.code = init.code;
    this.kind = init.kind;
    this.details = init.details ?? {};
    this.hint = init.hint;
  }
}

/**
 * The same error with more details. What the error already knows wins, because it was nearer to the fault.
 * Anything that is not a StrataError, nor began as one ({@link firstError}), is returned unchanged.
 */
export function addDetails(error: unknown, details: ErrorDetails): unknown {
  const first = firstError(error);
  if (!(first instanceof StrataError)) return error;
  return likeness(first, { details: { ...details, ...first.details } });
}

/**
 * What went wrong first: where something could not be disposed either, JavaScript throws a `SuppressedError`, whose message
 * says nothing of both.
 */
export function firstError(error: unknown): unknown {
  let first = error;
  while (first instanceof Error && first.name === "SuppressedError" && "suppressed" in first) first = first.suppressed;
  return first;
}

/** The same error with another hint, for those who know more about what the user meant. */
export function replaceHint(error: StrataError, hint: string): StrataError {
  return likeness(error, { hint });
}

function likeness(error: StrataError, change: Partial<StrataErrorInit>): StrataError {
  const { code, kind, message, details, hint, cause } = error;
  const like = new StrataError({
    code,
    kind,
    message,
    details,
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
    ...change,
  });
  if (error.stack !== undefined) like.stack = error.stack;
  return like;
}

/** Throws `aborted` when the signal has fired; otherwise does nothing. */
export function assertNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new StrataError({
    code: "aborted",
    kind: "aborted",
    message: "The operation was aborted",
    cause: signal.reason,
  });
}

/** An error in a form that crosses threads; `new StrataError` of it is the error again, without its cause. */
export function packError(error: unknown): StrataErrorInit {
  if (!(error instanceof StrataError)) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: "internal", kind: "internal", message };
  }
  const { code, kind, message, details, hint } = error;
  return { code, kind, message, details, ...(hint === undefined ? {} : { hint }) };
}
