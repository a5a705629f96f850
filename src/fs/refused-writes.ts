import { errnoError, type FailedCall } from "./errno-error.ts";
import { parsePath } from "./image-path.ts";

/** Every function of `node:fs/promises` that writes, with the system call that its error names. */
export const WRITES = {
  appendFile: "open",
  chmod: "chmod",
  chown: "chown",
  copyFile: "copyfile",
  cp: "cp",
  lchmod: "lchmod",
  lchown: "lchown",
  link: "link",
  lutimes: "lutime",
  mkdir: "mkdir",
  mkdtemp: "mkdtemp",
  rename: "rename",
  rm: "rm",
  rmdir: "rmdir",
  symlink: "symlink",
  truncate: "open",
  unlink: "unlink",
  utimes: "utime",
  writeFile: "open",
} as const;

/** Name of a function that writes. */
export type WriteName = keyof typeof WRITES;

const HAS_DESTINATION: readonly WriteName[] = ["copyFile", "cp", "link", "rename", "symlink"];

/** A function that writes nothing: it rejects with EROFS, whatever its arguments. */
export function refuseWrite(name: WriteName): (...args: unknown[]) => Promise<never> {
  return async (...args) => {
    throw readOnly(name, args);
  };
}

/** {@link refuseWrite} for the `…Sync` function. */
export function refuseWriteSync(name: WriteName): (...args: unknown[]) => never {
  return (...args) => {
    throw readOnly(name, args);
  };
}

/** {@link refuseWrite} for a method of an open file. */
export function refuseHandleWrite(syscall: string): (...args: unknown[]) => Promise<never> {
  return async () => {
    throw errnoError("EROFS", { syscall });
  };
}

function readOnly(name: WriteName, [path, dest]: unknown[]): NodeJS.ErrnoException {
  const call: FailedCall = { syscall: WRITES[name], ...named("path", path) };
  return errnoError("EROFS", HAS_DESTINATION.includes(name) ? { ...call, ...named("dest", dest) } : call);
}

/** Leaves out what is no path, such as an open file. */
function named(key: "path" | "dest", path: unknown): Partial<FailedCall> {
  const isPath = typeof path === "string" || path instanceof Uint8Array || path instanceof URL;
  return isPath ? { [key]: parsePath(path).text } : {};
}
