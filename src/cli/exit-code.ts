import { type ErrorKind, StrataError } from "../base/index.ts";
import { OutputClosed } from "./output.ts";

/** The process's exit code for each kind of error; docs/errors.md. */
export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = {
  "invalid-argument": 2,
  malformed: 3,
  integrity: 4,
  hostile: 5,
  "not-found": 6,
  "already-exists": 7,
  "failed-precondition": 8,
  unsupported: 9,
  unauthenticated: 10,
  unavailable: 11,
  internal: 70,
  aborted: 130,
};

/** Kinds of the errors that the file-system view and the local file system throw. */
const ERRNO_KINDS: Readonly<Record<string, ErrorKind>> = {
  ENOENT: "not-found",
  ENOTDIR: "not-found",
  ELOOP: "not-found",
  EEXIST: "already-exists",
  EISDIR: "failed-precondition",
  ENOTEMPTY: "failed-precondition",
  EROFS: "failed-precondition",
  EBUSY: "failed-precondition",
  EACCES: "failed-precondition",
  EPERM: "failed-precondition",
  EINVAL: "invalid-argument",
  ENAMETOOLONG: "invalid-argument",
  ENOSPC: "unavailable",
  EDQUOT: "unavailable",
  EIO: "unavailable",
  EMFILE: "unavailable",
  ENOMEM: "unavailable",
  ABORT_ERR: "aborted",
};

/** What an error of any origin asks its caller to do. */
export function kindOf(error: unknown): ErrorKind {
  if (error instanceof StrataError) return error.kind;
  const code = errnoOf(error);
  return (code === undefined ? undefined : ERRNO_KINDS[code]) ?? "internal";
}

/** The exit code for an error; 0 when only the reader of the output went away. */
export function exitCodeOf(error: unknown): number {
  return error instanceof OutputClosed ? 0 : EXIT_CODES[kindOf(error)];
}

/** The `code` of an error of Node or of a file-system view, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" ? code : undefined;
}
