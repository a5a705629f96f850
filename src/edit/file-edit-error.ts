import { type ErrorKind, StrataError } from "../base/index.ts";
import { fileError } from "../content/index.ts";
import type { FileEdit } from "./file-edit.ts";

interface Meaning {
  readonly code: string;
  readonly kind: ErrorKind;
  /** Completes "Cannot remove PATH: …". */
  readonly problem: string;
  readonly hint: string;
}

const DOING: Readonly<Record<FileEdit["kind"], string>> = {
  remove: "remove",
  "copy-in": "copy to",
  write: "write",
  "make-directory": "make the directory",
  symlink: "make the symlink",
  chmod: "change the mode of",
  chown: "change the owners of",
};

const LOOK = "`strata ls IMAGE DIR` shows what the image has there";
const IN_THE_WAY: Meaning = {
  code: "in-the-way",
  kind: "already-exists",
  problem: "something else is there",
  hint: "Remove that first: edits are done in their order",
};
const TOO_LONG: Meaning = {
  code: "invalid-path",
  kind: "invalid-argument",
  problem: "no file can have this path",
  hint: "A name has at most 255 bytes, a path 4,095",
};

const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOENT: { code: "path-not-found", kind: "not-found", problem: "the image does not have it", hint: LOOK },
  ENOTDIR: { code: "path-not-found", kind: "not-found", problem: "a part of the path is no directory", hint: LOOK },
  ELOOP: { code: "too-many-links", kind: "not-found", problem: "too many symlinks lie on the way", hint: LOOK },
  EEXIST: IN_THE_WAY,
  EISDIR: { ...IN_THE_WAY, problem: "it is a directory" },
  EBUSY: {
    code: "root-not-removable",
    kind: "invalid-argument",
    problem: "the root directory of an image stays",
    hint: "Name what is in it",
  },
  ENAMETOOLONG: TOO_LONG,
  EINVAL: TOO_LONG,
};

/** What an edit ran into, said of the edit and its path; what is no errno error of the image's files stays what it is. */
export function fileEditError(error: unknown, { kind, path }: FileEdit): unknown {
  if (!(error instanceof Error) || error instanceof StrataError || !("code" in error)) return error;
  const errno = String(error.code);
  const meaning = isMade(kind) && errno === "ENOTDIR" ? NO_DIRECTORY : MEANINGS[errno];
  if (meaning === undefined) return error;
  const { problem, ...init } = meaning;
  const text = path.toString();
  return new StrataError({
    ...init,
    message: `Cannot ${DOING[kind]} ${text}: ${problem}`,
    details: { path: text, errno },
    cause: error,
  });
}

/** A part of the path is a file, and would have to be a directory. */
const NO_DIRECTORY: Meaning = { ...IN_THE_WAY, problem: "a part of the path is no directory" };

function isMade(kind: FileEdit["kind"]): boolean {
  return ["copy-in", "write", "make-directory", "symlink"].includes(kind);
}

const SOURCE_HINTS: Readonly<Record<string, string>> = {
  "file-not-found": "What is copied is looked for outside of the image",
  "permission-denied": "Let this user read it, or copy as one who may",
};

/** What went wrong with a file that is copied from elsewhere. */
export function copySourceError(error: unknown, source: string): unknown {
  const typed = fileError(error, source);
  if (!(typed instanceof StrataError)) return typed;
  const { code, kind, message, details } = typed;
  const hint = SOURCE_HINTS[code] ?? typed.hint;
  return new StrataError({ code, kind, message, details, cause: typed.cause, ...(hint !== undefined && { hint }) });
}
