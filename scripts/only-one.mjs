/** Lets only one process at a time do something: tests run in several, and each may find that something has to be built. */
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";

/** How often whoever waits looks again. */
const LOOK_MS = 100;

/**
 * Does something while the file is ours; waits for whoever has it. What a process left that died counts for nothing.
 * @template Result
 * @param {string} path a file in a directory that exists; it is made and removed
 * @param {() => Result} action synchronous
 * @returns {Result}
 */
export function onlyOne(path, action) {
  while (!take(path)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
  try {
    return action();
  } finally {
    rmSync(path, { force: true });
  }
}

/** @param {string} path @returns {boolean} whether the file is ours now */
function take(path) {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    if (isOwnerDead(path)) rmSync(path, { force: true });
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

/** @param {string} path */
function isOwnerDead(path) {
  try {
    process.kill(Number(readFileSync(path, "utf8")), 0);
    return false;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "ESRCH";
  }
}
