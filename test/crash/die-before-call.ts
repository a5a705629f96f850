import fsSync, { promises as fs } from "node:fs";
import { syncBuiltinESMExports } from "node:module";

type Call = (...values: unknown[]) => unknown;

/** Synchronous calls that change something, or are about to, one by one, where others are made asynchronously. */
const CHANGING = [
  "openSync",
  "mkdirSync",
  "writeFileSync",
  "writeSync",
  "renameSync",
  "unlinkSync",
  "rmSync",
  "rmdirSync",
] as const;

/**
 * Kills this process, as nobody can refuse, before the n-th call of the file system from now; `undefined` only counts. Of
 * the synchronous ones those count that change something.
 * @returns the number of calls so far
 */
export async function dieBeforeCall(n: number | undefined): Promise<() => number> {
  const handle = await fs.open(process.execPath, "r");
  const prototype = Object.getPrototypeOf(handle) as object;
  await handle.close();
  let calls = 0;
  const count = (): void => {
    if (++calls === n) process.kill(process.pid, "SIGKILL");
  };
  onCalls(CHANGING, count);
  for (const target of [fs, prototype]) {
    const methods = target as Record<string, Call>;
    for (const name of Object.getOwnPropertyNames(target)) {
      const method = Object.getOwnPropertyDescriptor(target, name)?.value as Call | undefined;
      if (typeof method !== "function" || name === "constructor") continue;
      methods[name] = function (this: unknown, ...values: unknown[]) {
        count();
        return method.apply(this, values);
      };
    }
  }
  return () => calls;
}

/** Dies before the n-th call of these synchronous functions of `node:fs` too. @returns how many there were so far */
export function dieBeforeSyncCall(n: number | undefined, names: readonly (keyof typeof fsSync)[]): () => number {
  let calls = 0;
  onCalls(names, () => {
    if (++calls === n) process.kill(process.pid, "SIGKILL");
  });
  return () => calls;
}

function onCalls(names: readonly (keyof typeof fsSync)[], before: () => void): void {
  for (const name of names) {
    const method = fsSync[name] as Call;
    Object.assign(fsSync, {
      [name]: (...values: unknown[]) => {
        before();
        return method(...values);
      },
    });
  }
  syncBuiltinESMExports();
}
