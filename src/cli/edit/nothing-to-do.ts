import { StrataError } from "../../base/index.ts";

/** The error for an edit without a change. */
export function nothingToDo(example: string): StrataError {
  return new StrataError({
    code: "invalid-usage",
    kind: "invalid-argument",
    message: "Nothing is to be changed",
    hint: example,
  });
}
