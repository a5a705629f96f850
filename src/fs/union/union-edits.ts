import { randomName, toText } from "../../base/index.ts";
import { TYPE_BITS } from "../../tree/index.ts";
import { assertInteger, withCode, wrongType, wrongValue } from "../argument-error.ts";
import { constants } from "../constants.ts";
import { errnoError, type FailedCall } from "../errno-error.ts";
import type { XattrOptions } from "../image-metadata.ts";
import { type PathLike, parsePath } from "../image-path.ts";
import { encoderFor, type NameOptions, optionsOf } from "../name-encoding.ts";
import { nanosecondsOf, type TimeArgument } from "../time-argument.ts";
import { assertFree, linkName, makeName, removeName, removeTree } from "./change-names.ts";
import { copyUp } from "./copy-up.ts";
import { renamePath } from "./rename-path.ts";
import { setMode, setOwner, setTimes } from "./set-attributes.ts";
import { permissionsOf, type UnionCore } from "./union-core.ts";
import type { UnionNode } from "./union-tree.ts";
import { walkTo } from "./walk-to.ts";

/** As of `fs.mkdir`. */
export interface MkdirOptions {
  readonly recursive?: boolean | undefined;
  readonly mode?: number | string | undefined;
}

/** As of `fs.rm`; there is nothing to try again. */
export interface RmOptions {
  readonly force?: boolean | undefined;
  readonly recursive?: boolean | undefined;
}

const MAX_TARGET = 4095;

/** Every function of a union that changes names or metadata. */
export function editsOfUnion(core: UnionCore) {
  return {
    mkdir: (path: PathLike, options?: MkdirOptions | number | string | null) => makeDirectory(core, path, options),
    mkdtemp: async (prefix: PathLike, options?: NameOptions) => {
      const { bytes } = parsePath(prefix, "prefix");
      const path = Buffer.from(bytes + randomName().slice(0, 6), "latin1");
      await makeDirectory(core, path, 0o700, "mkdtemp");
      return encoderFor(optionsOf(options).encoding)(path.toString("latin1"));
    },
    rm: (path: PathLike, options?: RmOptions) => removePath(core, path, options),
    rmdir: (path: PathLike, options?: { readonly recursive?: boolean }) =>
      options?.recursive === true ? removePath(core, path, { recursive: true }) : removeDirectory(core, path),
    unlink: (path: PathLike) => unlinkPath(core, path),
    rename: (oldPath: PathLike, newPath: PathLike) => renamePath(core, oldPath, newPath),
    link: (existingPath: PathLike, newPath: PathLike) => linkPath(core, existingPath, newPath),
    symlink: (target: PathLike, path: PathLike, _type?: string | null) => makeSymlink(core, target, path),
    mknod: (path: PathLike, mode: number, rdev = 0) => makeSpecial(core, path, { mode, rdev }),
    chmod: (path: PathLike, mode: number | string) =>
      change(core, path, "chmod", (node, call) => setMode(core, node, parseMode(mode), call)),
    lchmod: (path: PathLike, mode: number | string) =>
      changeItself(core, path, "lchmod", (node, call) => {
        if (node.type === "symlink") throw errnoError("ENOTSUP", call);
        return setMode(core, node, parseMode(mode), call);
      }),
    chown: (path: PathLike, uid: number, gid: number) =>
      change(core, path, "chown", (node, call) => setOwner(core, node, ownerOf(uid, gid), call)),
    lchown: (path: PathLike, uid: number, gid: number) =>
      changeItself(core, path, "lchown", (node, call) => setOwner(core, node, ownerOf(uid, gid), call)),
    utimes: (path: PathLike, atime: TimeArgument, mtime: TimeArgument) =>
      change(core, path, "utime", (node, call) => setTimes(core, node, timesOf(atime, mtime), call)),
    lutimes: (path: PathLike, atime: TimeArgument, mtime: TimeArgument) =>
      changeItself(core, path, "lutime", (node, call) => setTimes(core, node, timesOf(atime, mtime), call)),
    setTimes: (path: PathLike, atimeNs: bigint, mtimeNs: bigint) =>
      changeItself(core, path, "lutime", (node, call) => setTimes(core, node, { atimeNs, mtimeNs }, call)),
    setxattr: (path: PathLike, name: string, value: Uint8Array, options: XattrOptions = {}) =>
      changeFile(core, path, { syscall: "setxattr", follow: options.followSymlinks !== false }, async (node, call) => {
        if (!/^\w+\../.test(name)) throw errnoError("ENOTSUP", call);
        await copyUp(core, node, { call });
        await core.upper.setXattr(node.path, name, value, call);
      }),
    removexattr: (path: PathLike, name: string, options: XattrOptions = {}) =>
      changeFile(
        core,
        path,
        { syscall: "removexattr", follow: options.followSymlinks !== false },
        async (node, call) => {
          if (!(await core.tree.xattrs(node)).has(name)) throw errnoError("ENODATA", call);
          await copyUp(core, node, { call });
          await core.upper.removeXattr(node.path, name, call);
        },
      ),
  };
}

type SetOne = (node: UnionNode, call: FailedCall) => Promise<void>;

function change(core: UnionCore, path: PathLike, syscall: string, set: SetOne): Promise<void> {
  return changeFile(core, path, { syscall, follow: true }, set);
}

function changeItself(core: UnionCore, path: PathLike, syscall: string, set: SetOne): Promise<void> {
  return changeFile(core, path, { syscall, follow: false }, set);
}

async function changeFile(
  core: UnionCore,
  path: PathLike,
  { syscall, follow }: { readonly syscall: string; readonly follow: boolean },
  set: SetOne,
): Promise<void> {
  const { bytes, text } = parsePath(path);
  const call = { syscall, path: text };
  await core.change(call, async () => set(await core.find(bytes, call, follow), call));
}

async function makeDirectory(
  core: UnionCore,
  path: PathLike,
  options: MkdirOptions | number | string | null | undefined,
  syscall = "mkdir",
): Promise<string | undefined> {
  const { bytes, text } = parsePath(path);
  const { recursive = false, mode = 0o777 } =
    typeof options === "object" && options !== null ? options : { mode: options ?? 0o777 };
  const call = { syscall, path: text };
  const bits = permissionsOf(parseMode(mode), core.umask) & 0o1777;
  return core.change(call, async () => {
    if (recursive) return makeDirectories(core, bytes, { bits, call });
    await makeOne(core, bytes, { bits, call });
    return undefined;
  });
}

type DirectoryWish = { readonly bits: number; readonly call: FailedCall };

async function makeOne(core: UnionCore, path: string, { bits, call }: DirectoryWish): Promise<void> {
  const place = await walkTo(core.tree, path, { follow: "never", call });
  assertFree(place, call, true);
  const make = (made: string): Promise<void> => core.upper.makeDirectory(made, bits);
  await makeName(core, place, { call, isDirectory: true, mode: bits, make });
}

/** Returns the first directory that was made, absolute. */
async function makeDirectories(core: UnionCore, path: string, wish: DirectoryWish): Promise<string | undefined> {
  if (path === "") throw errnoError("ENOENT", wish.call);
  const parts = path.split("/").filter((part) => part !== "");
  let first: string | undefined;
  for (const [i] of parts.entries()) {
    const prefix = `/${parts.slice(0, i + 1).join("/")}`;
    const { node } = await walkTo(core.tree, prefix, { follow: "always", call: wish.call });
    if (node?.type === "directory") continue;
    const itself = node ?? (await walkTo(core.tree, prefix, { follow: "never", call: wish.call })).node;
    const mustBeDirectory = i + 1 < parts.length || (node !== undefined && path.endsWith("/"));
    if (itself !== undefined && mustBeDirectory) throw errnoError("ENOTDIR", wish.call);
    if (itself !== undefined) throw errnoError(node === undefined ? "ENOENT" : "EEXIST", wish.call);
    await makeOne(core, prefix, wish);
    first ??= toText(prefix);
  }
  return first;
}

async function removeDirectory(core: UnionCore, path: PathLike): Promise<void> {
  const { bytes, text } = parsePath(path);
  const call = { syscall: "rmdir", path: text };
  await core.change(call, async () => {
    const { node, last } = await walkTo(core.tree, bytes, { follow: "never", call });
    if (last === ".") throw errnoError("EINVAL", call);
    if (last === "..") throw errnoError("ENOTEMPTY", call);
    if (last === "/") throw errnoError("EBUSY", call);
    if (node === undefined) throw errnoError("ENOENT", call);
    if (node.type !== "directory") throw errnoError("ENOTDIR", call);
    if ((await core.tree.list(node)).length > 0) throw errnoError("ENOTEMPTY", call);
    await removeName(core, node);
  });
}

async function unlinkPath(core: UnionCore, path: PathLike): Promise<void> {
  const { bytes, text } = parsePath(path);
  const call = { syscall: "unlink", path: text };
  await core.change(call, async () => {
    const { node, last, hasSlash } = await walkTo(core.tree, bytes, { follow: "never", call });
    if (last !== "name") throw errnoError("EISDIR", call);
    if (node === undefined) throw errnoError("ENOENT", call);
    if (node.type === "directory") throw errnoError("EISDIR", call);
    if (hasSlash) throw errnoError("ENOTDIR", call);
    await removeName(core, node);
  });
}

async function removePath(core: UnionCore, path: PathLike, options: RmOptions = {}): Promise<void> {
  const { bytes, text } = parsePath(path);
  const call = { syscall: "rm", path: text };
  const looking = { syscall: "lstat", path: text };
  const isMissing = (error: NodeJS.ErrnoException): boolean => options.force === true && error.code === "ENOENT";
  try {
    await core.change(call, async () => {
      const node = await core.find(bytes, looking, false);
      if (node.type === "directory" && options.recursive !== true) throw isDirectoryError(text);
      const place = await walkTo(core.tree, bytes, { follow: "never", call });
      // As rmdir(2) says of what Node tries first. A symlink with a slash is no directory to it, which Node takes for done.
      if (place.last === ".") throw errnoError("EINVAL", { ...call, syscall: "rmdir" });
      if (node.parent === undefined) throw errnoError("EBUSY", { ...call, syscall: "rmdir" });
      if (place.node?.type !== "symlink" || !place.hasSlash) await removeTree(core, node);
    });
  } catch (error) {
    if (!isMissing(error as NodeJS.ErrnoException)) throw error;
  }
}

/** Node's own error of `rm`. */
function isDirectoryError(path: string): Error {
  const message = `Path is a directory: rm returned EISDIR (is a directory) ${path}`;
  return Object.assign(withCode(new Error(message), "ERR_FS_EISDIR"), {
    name: "SystemError",
    errno: 21,
    syscall: "rm",
    path,
  });
}

async function linkPath(core: UnionCore, existingPath: PathLike, newPath: PathLike): Promise<void> {
  const existing = parsePath(existingPath, "existingPath");
  const made = parsePath(newPath, "newPath");
  const call = { syscall: "link", path: existing.text, dest: made.text };
  await core.change(call, async () => {
    const node = await core.find(existing.bytes, call, false);
    const place = await walkTo(core.tree, made.bytes, { follow: "never", call });
    assertFree(place, call, false);
    if (node.type === "directory") throw errnoError("EPERM", call);
    await linkName(core, node, { place, call });
  });
}

async function makeSymlink(core: UnionCore, target: PathLike, path: PathLike): Promise<void> {
  const to = parsePath(target, "target");
  const made = parsePath(path);
  const call = { syscall: "symlink", path: to.text, dest: made.text };
  await core.change(call, async () => {
    if (to.bytes === "") throw errnoError("ENOENT", call);
    if (to.bytes.length > MAX_TARGET) throw errnoError("ENAMETOOLONG", call);
    const place = await walkTo(core.tree, made.bytes, { follow: "never", call });
    assertFree(place, call, false);
    const make = (at: string): Promise<void> => core.upper.makeSymlink(at, to.bytes);
    await makeName(core, place, { call, isDirectory: false, make });
  });
}

async function makeSpecial(
  core: UnionCore,
  path: PathLike,
  { mode, rdev }: { readonly mode: number; readonly rdev: number },
): Promise<void> {
  const { bytes, text } = parsePath(path);
  assertInteger(mode, "mode", 0, 0o177777);
  assertInteger(rdev, "rdev");
  const type = mode & constants.S_IFMT || TYPE_BITS.file;
  const call = { syscall: "mknod", path: text };
  await core.change(call, async () => {
    const place = await walkTo(core.tree, bytes, { follow: "never", call });
    assertFree(place, call, false);
    if (type === TYPE_BITS.directory) throw errnoError("EPERM", call);
    if (type === TYPE_BITS.symlink) throw errnoError("EINVAL", call);
    const bits = permissionsOf(mode, core.umask);
    const isFile = type === TYPE_BITS.file;
    const make = (made: string): Promise<void> =>
      isFile ? core.upper.makeEmpty(made, bits) : core.upper.makeSpecial(made, { mode: type | bits, rdev }, call);
    await makeName(core, place, { call, isDirectory: false, mode: bits, make });
  });
}

/** A mode as Node takes it: a number, or text of octal digits. */
function parseMode(mode: unknown): number {
  if (typeof mode === "number") return assertInteger(mode, "mode", 0, 0xffff_ffff);
  if (typeof mode !== "string") throw wrongType("mode", "of type number", mode);
  if (/^[0-7]+$/.test(mode)) return Number.parseInt(mode, 8);
  throw wrongValue("mode", mode, "must be a 32-bit unsigned integer or an octal string");
}

function ownerOf(uid: number, gid: number): { readonly uid: number; readonly gid: number } {
  return { uid: assertInteger(uid, "uid", -1, 0xffff_ffff), gid: assertInteger(gid, "gid", -1, 0xffff_ffff) };
}

function timesOf(atime: TimeArgument, mtime: TimeArgument): { readonly atimeNs: bigint; readonly mtimeNs: bigint } {
  return { atimeNs: nanosecondsOf(atime, "atime"), mtimeNs: nanosecondsOf(mtime, "mtime") };
}
