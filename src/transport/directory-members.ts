import { join } from "node:path";
import { type ErrorKind, StrataError } from "../base/index.ts";
import { openFile } from "../content/index.ts";
import type { Members } from "./members.ts";

/**
 * The files below a directory. Symbolic links are followed, as other tools do with layouts: a link that leads elsewhere
 * gains nothing, because blobs must have their digest.
 */
export function directoryMembers(directory: string): Members {
  const open: Members["open"] = async (name) => {
    try {
      return await openFile(join(directory, name));
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
  };
  return {
    place: directory,
    open,
    has: async (name) => {
      const source = await open(name);
      await source?.[Symbol.asyncDispose]();
      return source !== undefined;
    },
    async [Symbol.asyncDispose]() {},
  };
}

function isAbsence(error: unknown): boolean {
  const absent: readonly ErrorKind[] = ["not-found"];
  return error instanceof StrataError && (absent.includes(error.kind) || error.code === "is-a-directory");
}
