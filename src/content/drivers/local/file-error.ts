import { type ErrorKind, StrataError } from "../../../base/index.ts";

interface Meaning {
  readonly code: string;
  readonly kind: ErrorKind;
  /** Completes "Cannot read PATH: …". */
  readonly problem: string;
  readonly hint?: string;
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOENT: { code: "file-not-found", kind: "not-found", problem: "it does not exist" },
  ENOTDIR: { code: "file-not-found", kind: "not-found", problem: "a part of its path is not a directory" },
  EACCES: { code: "permission-denied", kind: "failed-precondition", problem: "permission denied" },
  EPERM: { code: "permission-denied", kind: "failed-precondition", problem: "permission denied" },
  EISDIR: { code: "is-a-directory", kind: "invalid-argument", problem: "it is a directory" },
  ELOOP: { code: "symlink-loop", kind: "invalid-argument", problem: "its symbolic links form a loop" },
  ENAMETOOLONG: { code: "path-too-long", kind: "invalid-argument", problem: "its name is too long" },
  ERR_INVALID_ARG_VALUE: { code: "invalid-path", kind: "invalid-argument", problem: "its path is not valid" },
  EMFILE: { code: "too-many-open-files", kind: "unavailable", problem: "too many files are open" },
  ENFILE: { code: "too-many-open-files", kind: "unavailable", problem: "too many files are open" },
  ENOSPC: {
    code: "no-space",
    kind: "unavailable",
    problem: "no space is left on the device",
    hint: "Free some space there, or choose a directory on another disk",
  },
  EDQUOT: {
    code: "quota-exceeded",
    kind: "unavailable",
    problem: "the disk quota is used up",
    hint: "Free some space there, or choose a directory on another disk",
  },
  EFBIG: { code: "file-too-large", kind: "unavailable", problem: "the file system or a limit allows no larger file" },
  EROFS: {
    code: "read-only-file-system",
    kind: "failed-precondition",
    problem: "its file system is read-only",
    hint: "Choose a directory on another file system",
  },
  EIO: {
    code: "io-error",
    kind: "unavailable",
    problem: "the device reports an input/output error",
    hint: "The disk may be failing: see the kernel's log",
  },
  EBADF: { code: "source-closed", kind: "internal", problem: "it was closed before" },
};

/** The typed form of what Node throws about a file; anything that is not an errno error is returned unchanged. */
export function fileError(error: unknown, path: string, verb: "read" | "write" = "read"): unknown {
  if (!(error instanceof Error) || error instanceof StrataError || !("code" in error)) return error;
  const errno = String(error.code);
  const { problem, ...meaning } = MEANINGS[errno] ?? {
    code: "io-error",
    kind: "unavailable" as const,
    problem: error.message,
  };
  return new StrataError({
    ...meaning,
    message: `Cannot ${verb} ${path}: ${problem}`,
    details: { path, errno },
    cause: error,
  });
}
