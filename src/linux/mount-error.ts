import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import { type ByteString, type ErrorKind, StrataError, toText } from "../base/index.ts";

const { EPERM, EACCES, ENODEV, EBUSY, ENOENT, ENOTDIR, ENOMEM, ENOSPC, EMFILE, ENFILE } = constants.errno;
/** Not among Node's constants. */
const [ENOTBLK, EUCLEAN] = [15, 117];

interface Refusal {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly hint?: string;
}

const NOT_PERMITTED: Refusal = {
  code: "mount-not-permitted",
  kind: "failed-precondition",
  hint: "Mounting needs root (CAP_SYS_ADMIN) or a user namespace of one's own; reading, copying and unpacking an image do not",
};
const UNAVAILABLE: Refusal = {
  code: "mount-refused",
  kind: "unavailable",
  hint: "The kernel has no room for it now: a limit of mounts, open files or memory is reached",
};
const MISSING: Refusal = { code: "mount-path-missing", kind: "not-found" };

const REFUSALS: ReadonlyMap<number, Refusal> = new Map([
  [EPERM, NOT_PERMITTED],
  [EACCES, NOT_PERMITTED],
  [
    ENODEV,
    {
      code: "unknown-file-system",
      kind: "unsupported",
      hint: "The kernel does not know this type of file system, or its module is not loaded (modprobe)",
    },
  ],
  [
    ENOTBLK,
    {
      code: "mount-needs-device",
      kind: "unsupported",
      hint: "This kernel mounts such a file system from a block device only: attach the file to a loop device",
    },
  ],
  [EBUSY, { code: "mount-busy", kind: "failed-precondition", hint: "Something still uses it: a process, or a mount" }],
  [ENOENT, MISSING],
  [ENOTDIR, MISSING],
  [ENOMEM, UNAVAILABLE],
  [ENOSPC, UNAVAILABLE],
  [EMFILE, UNAVAILABLE],
  [ENFILE, UNAVAILABLE],
  [EUCLEAN, { code: "mount-refused", kind: "malformed", hint: "The file system is damaged" }],
]);
/** What Node has no words for. */
const MEANINGS: ReadonlyMap<number, string> = new Map([
  [ENOTBLK, "block device required"],
  [EUCLEAN, "structure needs cleaning"],
]);
const REFUSED: Refusal = { code: "mount-refused", kind: "failed-precondition" };

/** The number of an errno error, positive; undefined for any other error. */
export function errnoOf(error: unknown): number | undefined {
  if (!(error instanceof Error && "errno" in error && typeof error.errno === "number")) return undefined;
  return -error.errno;
}

/** Whether an errno error says that this kernel, or the sandbox around this process, does not offer the call at all. */
export function isCallMissing(error: unknown): boolean {
  return errnoOf(error) === constants.errno.ENOSYS;
}

/**
 * What a failed mount is for the caller; errors that are no errno errors stay as they are.
 * @param what the sentence's beginning: `Cannot mount …`
 * @param words what the kernel says about it, or nothing
 */
export function mountError(error: unknown, what: string, { path = "", words = "" }): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || !(error instanceof Error)) return error;
  const { code, kind, hint } = REFUSALS.get(errno) ?? REFUSED;
  const name = "code" in error ? String(error.code) : `errno ${errno}`;
  const meaning = MEANINGS.get(errno) ?? getSystemErrorMap().get(-errno)?.[1] ?? "refused";
  const reason = `${words === "" ? meaning : `${meaning}; the kernel says "${words}"`} (${name})`;
  return new StrataError({
    code,
    kind,
    message: `${what}: ${reason}`,
    details: { path, reason, errno: name, ...(words === "" ? {} : { kernel: words }) },
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}

/** The beginning of what is said when a mount fails. */
export function mountSentence(type: ByteString, source: ByteString, target: ByteString | undefined): string {
  const what = source === type || source === "none" ? "" : ` "${toText(source)}"`;
  return `Cannot mount ${toText(type)}${what}${target === undefined ? "" : ` at "${toText(target)}"`}`;
}
