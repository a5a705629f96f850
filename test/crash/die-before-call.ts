import fsSync, { promises as fs } from "node:fs";
import { syncBuiltinESMExports } from "node:module";

type Call = (...values: unknown[]) => unknown;

/**
 * Kills this process, as nobody can refuse, before the n-th call of the file system from now; `undefined` only counts.
 * @returns the number of calls so far
 */
export async function dieBeforeCall(n: number | undefined): Promise<() => number> {
  const handle = await fs.open(process.execPath, "r");
  const prototype = Object.getPrototypeOf(handle) as object;
  await handle.close();
  let calls = 0;
  for (const target of [fs, prototype]) {
    const methods = target as Record<string, Call>;
    for (const name of Object.getOwnPropertyNames(target)) {
      const method = Object.getOwnPropertyDescriptor(target, name)?.value as Call | undefined;
      if (typeof method !== "function" || name === "constructor") continue;
      methods[name] = function (this: unknown, ...values: unknown[]) {
        if (++calls === n) process.kill(process.pid, "SIGKILL");
        return method.apply(this, values);
      };
    }
  }
  return () => calls;
}

/** Dies before the n-th call of these synchronous functions of `node:fs` too. @returns how many there were so far */
export function dieBeforeSyncCall(n: number | undefined, names: readonly (keyof typeof fsSync)[]): () => number {
  let calls = 0;
  for (const name of names) {
    const method = fsSync[name] as (...values: unknown[]) => unknown;
    Object.assign(fsSync, {
      [name]: (...values: unknown[]) => {
        if (++calls === n) process.kill(process.pid, "SIGKILL");
        return method(...values);
      },
    });
  }
  syncBuiltinESMExports();
  return () => calls;
}
