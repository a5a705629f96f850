import { type ByteString, StrataError, toText } from "../base/index.ts";
import { fileError } from "../content/index.ts";

/** What the file system said about a path of the tree, typed. */
export function writeError(error: unknown, path: ByteString): unknown {
  const { code, syscall = "" } = error as NodeJS.ErrnoException;
  const shown = toText(path);
  if (error instanceof StrataError) return error;
  if (code === "EEXIST") return inTheWay(path, "something else");
  // All directories on the way were made by us, or known to be there: somebody moves them while we write.
  if (code === "ELOOP" || code === "ENOTDIR" || code === "ENOENT" || code === "EXDEV") return swapped(error, shown);
  if (code === "EINVAL" && syscall.startsWith("fchown")) return ownerUnmapped(error, shown);
  if (code === "ENAMETOOLONG") return tooLong(error, shown);
  return fileError(error, shown, "write");
}

/** Names of up to 255 bytes, targets of links of up to 4095: that is Linux, and no other directory helps. */
function tooLong(cause: unknown, path: string): StrataError {
  return new StrataError({
    code: "entry-too-long",
    kind: "unsupported",
    message: `Cannot write ${path}: its name or link target is longer than Linux can hold`,
    details: { path, entry: path },
    cause,
  });
}

/** Outside of user namespaces every id of an image can own files. */
function ownerUnmapped(cause: unknown, path: string): StrataError {
  return new StrataError({
    code: "owner-not-mapped",
    kind: "failed-precondition",
    message: `Cannot write ${path}: its user or group is none of this user namespace's`,
    details: { path },
    hint: "Work in a namespace with more subordinate ids, or in `strata unshare --own-id`, where owners are recorded; or as root",
    cause,
  });
}

/** Something there cannot be replaced. */
export function inTheWay(path: ByteString, what: string): StrataError {
  const shown = toText(path);
  return new StrataError({
    code: "in-the-way",
    kind: "already-exists",
    message: `Cannot write ${shown}: what is there is ${what}`,
    details: { path: shown },
    hint: "Remove it first, or choose another directory",
  });
}

function swapped(cause: unknown, path: string): StrataError {
  return new StrataError({
    code: "directory-changed",
    kind: "failed-precondition",
    message: `Cannot write ${path}: a directory on the way is not what was made or found there`,
    details: { path },
    hint: "Try again where no other process changes the directory",
    cause,
  });
}
