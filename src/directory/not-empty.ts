import { StrataError } from "../base/index.ts";

/** The refusal to write a tree where there is something already. */
export function notEmpty(directory: string): StrataError {
  return new StrataError({
    code: "directory-not-empty",
    kind: "already-exists",
    message: `Refusing to write into ${directory}: it is not empty`,
    details: { path: directory },
    hint: "Choose a new directory",
  });
}
