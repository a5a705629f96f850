import { type FileTime, StrataError } from "../base/index.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The latest time that what is made may have, as https://reproducible-builds.org/specs/source-date-epoch has it: whole
 * seconds since 1970. Undefined where the environment has none. @throws StrataError `invalid-source-date-epoch`
 */
export function sourceDateEpoch(env: Terminal["env"]): FileTime | undefined {
  const { SOURCE_DATE_EPOCH: text } = env;
  if (text === undefined || text === "") return undefined;
  const seconds = Number(text);
  if (/^[0-9]{1,15}$/.test(text)) return { seconds, nanoseconds: 0 };
  throw new StrataError({
    code: "invalid-source-date-epoch",
    kind: "invalid-argument",
    message: `SOURCE_DATE_EPOCH is "${text}", which is no number of seconds`,
    hint: "SOURCE_DATE_EPOCH=$(git log -1 --format=%ct), for example",
  });
}
