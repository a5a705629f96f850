import { getSystemErrorMap } from "node:util";

/** The errors that the file systems of this room give. */
export type ErrnoCode =
  | "EACCES"
  | "EBADF"
  | "EBUSY"
  | "EEXIST"
  | "EINVAL"
  | "EISDIR"
  | "ELOOP"
  | "ENAMETOOLONG"
  | "ENODATA"
  | "ENOENT"
  | "ENOTDIR"
  | "ENOTEMPTY"
  | "ENOTSUP"
  | "ENXIO"
  | "EPERM"
  | "EROFS";

/** What a call was about, for its error. */
export interface FailedCall {
  readonly syscall: string;
  /** As the caller wrote it. */
  readonly path?: string;
  /** Second path of calls that have two. */
  readonly dest?: string;
}

/** Numbers and texts as this platform's Node gives them, so that programs that compare `errno` go on working. */
const SYSTEM_ERRORS = new Map([...getSystemErrorMap()].map(([errno, [code, text]]) => [code, { errno, text }]));

/** The error that Node makes of a failed system call: `ENOENT: no such file or directory, lstat '/x'`. */
export function errnoError(code: ErrnoCode, call: FailedCall): NodeJS.ErrnoException {
  const { errno, text } = SYSTEM_ERRORS.get(code) ?? { errno: 0, text: "unknown error" };
  const from = call.path === undefined ? "" : ` '${call.path}'`;
  const to = call.dest === undefined ? "" : ` -> '${call.dest}'`;
  return Object.assign(new Error(`${code}: ${text}, ${call.syscall}${from}${to}`), { errno, code, ...call });
}
