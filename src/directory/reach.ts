import { closeSync, constants, openSync } from "node:fs";
import { fromText, toBuffer } from "../base/index.ts";
import { isLinux } from "../linux/index.ts";

/** More names, or bytes, make a path that the kernel walks slowly, or not at all. */
const MOST_NAMES = 64;
const LONGEST_PATH = 2048;
const SLASH = Buffer.from("/");

/** A file and a path that leads to it: however deep it lies, a short one. */
export interface Reach {
  readonly path: Buffer;
  /** How many names the path has beyond where it begins. */
  readonly names: number;
}

/** A directory from which everything in it can be reached, until {@link leave}. */
export interface Entered extends Reach {
  /** The directory, open; undefined while its own path is short enough. */
  readonly fd: number | undefined;
}

/** Where to begin: the path as the user gave it. */
export function reach(path: string): Reach {
  return { path: toBuffer(fromText(path)), names: 0 };
}

/** Makes ready for what is in a directory; a link is not followed, unless one began with it. @throws an errno error as Node's */
export function enter({ path, names }: Reach): Entered {
  if ((names < MOST_NAMES && path.length < LONGEST_PATH) || !isLinux()) return { path, names, fd: undefined };
  const noFollow = names === 0 ? 0 : constants.O_NOFOLLOW;
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | noFollow);
  return { path: Buffer.from(`/proc/self/fd/${fd}`), names: 0, fd };
}

/** When nothing in it is needed any more. */
export function leave({ fd }: Entered): void {
  if (fd !== undefined) closeSync(fd);
}

/** What has a name in a directory. */
export function within({ path, names }: Entered, name: Buffer): Reach {
  return { path: Buffer.concat([path, SLASH, name]), names: names + 1 };
}
