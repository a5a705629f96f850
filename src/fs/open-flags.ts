import { assertInteger, wrongValue } from "./argument-error.ts";
import { constants } from "./constants.ts";

/** How a file is opened: Node's words (`r`, `rs`, `w+` …) or the numbers of {@link constants}. Default `r`. */
export type OpenFlags = string | number | null | undefined;

/** Flags, understood. */
export interface OpenMode {
  readonly writes: boolean;
  /** Fail with ENOTDIR on anything but a directory. */
  readonly directoryOnly: boolean;
  /** Fail with ELOOP on a symlink in the last place. */
  readonly noFollow: boolean;
}

const READING = /^(r|rs|sr)$/;
const WRITING = /^(r\+|rs\+|sr\+|(w|wx|xw|a|ax|xa|as|sa)\+?)$/;

/** @throws TypeError `ERR_INVALID_ARG_VALUE` when the flags are none of Node's */
export function parseFlags(flags: OpenFlags): OpenMode {
  if (typeof flags === "number") return parseNumber(assertInteger(flags, "flags", -(2 ** 31), 2 ** 31 - 1));
  const word = flags ?? "r";
  if (READING.test(word) || WRITING.test(word)) {
    return { writes: WRITING.test(word), directoryOnly: false, noFollow: false };
  }
  throw wrongValue("flags", flags);
}

function parseNumber(flags: number): OpenMode {
  const { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_DIRECTORY, O_NOFOLLOW } = constants;
  return {
    writes: (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) !== 0,
    directoryOnly: (flags & O_DIRECTORY) !== 0,
    noFollow: (flags & O_NOFOLLOW) !== 0,
  };
}
