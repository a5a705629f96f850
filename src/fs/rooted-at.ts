import type * as promises from "node:fs/promises";
import { constants } from "./constants.ts";
import type { FsLike, FsPath } from "./fs-like.ts";

/** The part of `node:fs/promises` that {@link rootedAt} stands on. */
export type RootedPromises = Pick<
  typeof promises,
  | "lstat"
  | "readdir"
  | "readlink"
  | "open"
  | "mkdir"
  | "symlink"
  | "link"
  | "rename"
  | "unlink"
  | "rmdir"
  | "chmod"
  | "lchown"
  | "lutimes"
  | "constants"
>;

/** What Linux knows about files and Node does not, of paths of the host. None of them follows a symlink. */
export type HostAttributes = Pick<
  FsLike,
  "getxattr" | "listxattr" | "setxattr" | "removexattr" | "mknod" | "setTimes" | "dataRuns"
>;

/**
 * A directory of the host as the root of a file system. Give it `node:fs/promises` (or another file system of its shape), and
 * the calls that Node lacks where there are any: without them files have no extended attributes, and so on as {@link FsLike}
 * says. Made for a union, which takes symlinks out of the paths before it asks: alone it does not keep anybody inside.
 */
export function rootedAt(fs: RootedPromises, directory: string | Buffer, attributes: HostAttributes = {}): FsLike {
  const root = Buffer.from(directory);
  const at = (path: FsPath): Buffer => Buffer.concat([root, Buffer.from(path)]);
  return {
    lstat: (path, options) => fs.lstat(at(path), options),
    readdir: (path) => fs.readdir(at(path), { withFileTypes: true, encoding: "buffer" } as never),
    readlink: (path) => fs.readlink(at(path), { encoding: "buffer" }),
    open: (path, flags, mode) => fs.open(at(path), hostFlags(fs, flags), mode),
    mkdir: (path, options) => fs.mkdir(at(path), options),
    symlink: (target, path) => fs.symlink(target, at(path)),
    link: (existing, path) => fs.link(at(existing), at(path)),
    rename: (from, to) => fs.rename(at(from), at(to)),
    unlink: (path) => fs.unlink(at(path)),
    rmdir: (path) => fs.rmdir(at(path)),
    chmod: (path, mode) => fs.chmod(at(path), mode),
    lchown: (path, uid, gid) => fs.lchown(at(path), uid, gid),
    lutimes: (path, atime, mtime) => fs.lutimes(at(path), atime, mtime),
    ...rootedAttributes(attributes, at),
  };
}

/** Only those that are there: an upper is asked what it can do by looking. */
function rootedAttributes(attributes: HostAttributes, at: (path: FsPath) => Buffer): HostAttributes {
  const rooted: Record<string, unknown> = {};
  for (const [name, call] of Object.entries(attributes) as [string, (path: FsPath, ...rest: never[]) => unknown][]) {
    rooted[name] = (path: FsPath, ...rest: never[]) => call(at(path), ...rest);
  }
  return rooted;
}

/** The numbers of {@link constants} are Linux's; other systems have their own. */
function hostFlags({ constants: host }: RootedPromises, flags: number): number {
  let number = 0;
  for (const name of ["O_WRONLY", "O_RDWR", "O_CREAT", "O_EXCL", "O_TRUNC", "O_APPEND"] as const) {
    if ((flags & constants[name]) !== 0) number |= host[name];
  }
  return number;
}
