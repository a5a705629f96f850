import type * as nodeFs from "node:fs";
import { callbackify } from "node:util";
import { constants } from "./constants.ts";
import type { ImageMetadata } from "./image-metadata.ts";
import { refuseWriteSync, WRITES, type WriteName } from "./refused-writes.ts";

type Module = typeof nodeFs;
type ReadName = "access" | "lstat" | "readdir" | "readFile" | "readlink" | "realpath" | "stat";

/**
 * The part of the classic module `node:fs` that needs no descriptors: callbacks, `…Sync` and `promises`.
 * Functions that write are all there and fail with EROFS. Typed with Node's own types, so that it fits wherever those
 * are asked for; two differences hide there: `Stats` and `Dirent` are not instances of Node's classes, and `opendir`
 * and `createReadStream` give this room's objects.
 */
export type NodeFs = Pick<
  Module,
  ReadName | `${ReadName}Sync` | WriteName | `${WriteName}Sync` | "createReadStream" | "exists" | "existsSync"
> &
  Pick<Module, "opendir" | "opendirSync"> & {
    readonly constants: typeof constants;
    readonly promises: Pick<Module["promises"], ReadName | WriteName>;
  };

/** An object with the promise-returning functions, and `createReadStream`. */
export interface PromiseFs extends Readonly<Record<ReadName | WriteName | "opendir" | "exists", AsyncFunction>> {
  readonly createReadStream: (...args: never[]) => unknown;
}

type AsyncFunction = (...args: never[]) => Promise<unknown>;
type AnyFunction = (...args: never[]) => unknown;
type Callback = (error: Error | null, value?: unknown) => void;

/**
 * Derives the classic module from the promises (for callbacks) and from the core (for `…Sync`). A plain object whose
 * functions are its own properties: libraries copy them out, and would take what they miss from the host's `node:fs`.
 */
export function toNodeFs(promises: PromiseFs, metadata: ImageMetadata, readFileSync: AnyFunction): NodeFs {
  const functions: Record<string, unknown> = {
    constants,
    promises,
    createReadStream: promises.createReadStream,
    readFile: withCallback(promises.readFile),
    readFileSync,
    exists: (path: never, callback: (found: boolean) => void) =>
      withCallback(promises.exists)(path, ((_, found) => callback(found === true)) satisfies Callback as never),
    existsSync: metadata.exists,
  };
  for (const name of ["access", "lstat", "opendir", "readdir", "readlink", "stat"] as const) {
    functions[name] = withCallback(promises[name]);
    functions[`${name}Sync`] = metadata[name];
  }
  const realpath = withCallback(promises.realpath);
  functions["realpath"] = Object.assign(realpath, { native: realpath });
  const realpathSync: AnyFunction = (path, options) => metadata.realpath(path, options);
  functions["realpathSync"] = Object.assign(realpathSync, { native: realpathSync });
  for (const name of Object.keys(WRITES) as WriteName[]) {
    functions[name] = withCallback(promises[name]);
    functions[`${name}Sync`] = refuseWriteSync(name);
  }
  return functions as unknown as NodeFs;
}

/** The last argument becomes the callback. */
function withCallback(call: AsyncFunction): AnyFunction {
  return callbackify(call) as AnyFunction;
}
