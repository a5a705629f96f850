import type * as nodeFs from "node:fs";
import { callbackify } from "node:util";
import { constants } from "../constants.ts";
import { errnoError } from "../errno-error.ts";

const ASYNC = [
  "access",
  "appendFile",
  "chmod",
  "chown",
  "copyFile",
  "cp",
  "lchmod",
  "lchown",
  "link",
  "lstat",
  "lutimes",
  "mkdir",
  "mkdtemp",
  "opendir",
  "readdir",
  "readFile",
  "readlink",
  "realpath",
  "rename",
  "rm",
  "rmdir",
  "stat",
  "symlink",
  "truncate",
  "unlink",
  "utimes",
  "writeFile",
] as const;

type AsyncName = (typeof ASYNC)[number];
type AsyncFunction = (...args: never[]) => Promise<unknown>;

/** A union with the promise-returning functions and the streams. */
type PromiseUnion = Readonly<Record<AsyncName | "exists", AsyncFunction>> & {
  readonly createReadStream: (...args: never[]) => unknown;
  readonly createWriteStream: (...args: never[]) => unknown;
};

/**
 * The part of the classic module `node:fs` that needs no descriptors. Typed with Node's own types, so that it fits wherever
 * those are asked for; what hides there: `Stats` and `Dirent` are not instances of Node's classes.
 */
export type NodeUnionFs = Pick<
  typeof nodeFs,
  AsyncName | `${AsyncName}Sync` | "createReadStream" | "createWriteStream" | "exists"
> & { readonly constants: typeof constants; readonly promises: Pick<(typeof nodeFs)["promises"], AsyncName> };

/** A plain object whose functions are its own properties: libraries copy them out, and take what they miss from the host. */
export function toNodeUnionFs(union: PromiseUnion): NodeUnionFs {
  const functions: Record<string, unknown> = {
    constants,
    promises: union,
    createReadStream: union.createReadStream,
    createWriteStream: union.createWriteStream,
    exists: (path: never, callback: (found: unknown) => void) => {
      union.exists(path).then(callback, () => callback(false));
    },
  };
  for (const name of ASYNC) {
    functions[name] = callbackify(union[name]);
    functions[`${name}Sync`] = () => {
      throw errnoError("ENOTSUP", { syscall: name });
    };
  }
  Object.assign(functions["realpath"] as object, { native: functions["realpath"] });
  return functions as unknown as NodeUnionFs;
}
