import { assertInteger, wrongValue } from "../argument-error.ts";
import { constants } from "../constants.ts";
import type { OpenFlags } from "../open-flags.ts";

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND } = constants;

const WORDS: Readonly<Record<string, number>> = {
  r: O_RDONLY,
  "r+": O_RDWR,
  w: O_TRUNC | O_CREAT | O_WRONLY,
  wx: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  "w+": O_TRUNC | O_CREAT | O_RDWR,
  "wx+": O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  a: O_APPEND | O_CREAT | O_WRONLY,
  ax: O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  "a+": O_APPEND | O_CREAT | O_RDWR,
  "ax+": O_APPEND | O_CREAT | O_RDWR | O_EXCL,
};

/**
 * Node's words as the numbers of {@link constants}; writing at once (`s`) is no different here.
 * @throws TypeError `ERR_INVALID_ARG_VALUE` when the flags are none of Node's
 */
export function flagsOf(flags: OpenFlags, fallback = "r"): number {
  if (typeof flags === "number") return assertInteger(flags, "flags", -(2 ** 31), 2 ** 31 - 1);
  const word = flags ?? fallback;
  const number = WORDS[word.replace("s", "").replace(/^x([wa])/, "$1x")];
  if (number !== undefined && /^(s?[rwax]|[rwax]s?)/.test(word)) return number;
  throw wrongValue("flags", flags);
}
