import { readSync } from "node:fs";
import { arch, constants } from "node:os";
import type { ByteString } from "../base/index.ts";
import { cString, errnoError, libc, libcFunction } from "./libc.ts";

/** Numbers of syscall(2). From 424 on they are the same on every architecture that Node runs on, save MIPS. */
const CALLS = {
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  mount_setattr: 442,
} as const;
const CLOSE_ON_EXEC = 1;
const OPEN_TREE_CLONE = 1;
const O_CLOEXEC = 0o2_000_000;
const [SET_FLAG, SET_STRING, CREATE] = [0, 1, 6];
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const [FROM_EMPTY_PATH, FOLLOW_LINKS_OF_TARGET] = [4, 0x10];
const NOTHING = cString("");
/** A message of a file system context is a line of the kernel's log at most. */
const LONGEST_MESSAGE = 4096;

/** What mount_setattr(2) and fsmount(2) know of a mount, as bits. */
export const MOUNT_ATTRIBUTES = {
  ro: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  noatime: 0x10,
  strictatime: 0x20,
  nodiratime: 0x80,
} as const;

const callWithPath = libcFunction<[number, number, Buffer, number]>(
  "long syscall(long number, long fd, const void *path, long flags)",
);
const callFsopen = libcFunction<[number, Buffer, number]>("long syscall(long number, const void *name, long flags)");
const callFsconfig = libcFunction<[number, number, number, Buffer | null, Buffer | null, number]>(
  "long syscall(long number, long fd, long command, const void *key, const void *value, long extra)",
);
const callFsmount = libcFunction<[number, number, number, number]>(
  "long syscall(long number, long fd, long flags, long attributes)",
);
const callMoveMount = libcFunction<[number, number, Buffer, number, Buffer, number]>(
  "long syscall(long number, long fromFd, const void *from, long toFd, const void *to, long flags)",
);
const callSetAttributes = libcFunction<[number, number, Buffer, number, Buffer, number]>(
  "long syscall(long number, long fd, const void *path, long flags, const void *attributes, long size)",
);

/** fsopen(2): a context in which a file system is configured; the caller closes it. @throws an errno error */
export function openFileSystemContext(type: ByteString): number {
  return assertFd(callFsopen(numberOf("fsopen"), cString(type), CLOSE_ON_EXEC), "fsopen", type);
}

/** fsconfig(2): one parameter; without a value it is a flag. A value has 255 bytes at most. @throws an errno error */
export function setParameter(context: number, key: ByteString, value: ByteString | undefined): void {
  const [command, bytes] = value === undefined ? [SET_FLAG, null] : [SET_STRING, cString(value)];
  const done = callFsconfig(numberOf("fsconfig"), context, command, cString(key), bytes, 0);
  assertFd(done, "fsconfig", key);
}

/** The rest of fsconfig(2) and fsmount(2): the file system, mounted nowhere yet; the caller closes it. @throws an errno error */
export function mountContext(context: number, attributes: number): number {
  assertFd(callFsconfig(numberOf("fsconfig"), context, CREATE, null, null, 0), "fsconfig", "");
  return assertFd(callFsmount(numberOf("fsmount"), context, CLOSE_ON_EXEC, attributes), "fsmount", "");
}

/** open_tree(2): a copy of a mount, or of all mounts beneath a path, mounted nowhere; the caller closes it. @throws an errno error */
export function cloneTree(source: ByteString, isRecursive: boolean): number {
  const flags = OPEN_TREE_CLONE | O_CLOEXEC | (isRecursive ? AT_RECURSIVE : 0);
  return assertFd(callWithPath(numberOf("open_tree"), AT_FDCWD, cString(source), flags), "open_tree", source);
}

/** move_mount(2): puts what {@link mountContext} or {@link cloneTree} gave to its place. @throws an errno error */
export function attachMount(mount: number, target: ByteString): void {
  const flags = FROM_EMPTY_PATH | FOLLOW_LINKS_OF_TARGET;
  const done = callMoveMount(numberOf("move_mount"), mount, NOTHING, AT_FDCWD, cString(target), flags);
  assertFd(done, "move_mount", target);
}

/**
 * mount_setattr(2): sets and clears attributes of the mount at a path, or of an open one (`fd`, path empty).
 * @throws an errno error
 */
export function setMountAttributes(
  mount: { readonly fd: number } | { readonly path: ByteString },
  change: { readonly set?: number; readonly clear?: number; readonly isRecursive?: boolean },
): void {
  const wanted = BigUint64Array.of(BigInt(change.set ?? 0), BigInt(change.clear ?? 0), 0n, 0n);
  const attributes = Buffer.from(wanted.buffer);
  const [fd, path] = "fd" in mount ? [mount.fd, ""] : [AT_FDCWD, mount.path];
  const flags = ("fd" in mount ? AT_EMPTY_PATH : 0) | (change.isRecursive === true ? AT_RECURSIVE : 0);
  const number = numberOf("mount_setattr");
  assertFd(callSetAttributes(number, fd, cString(path), flags, attributes, attributes.length), "mount_setattr", path);
}

/** What the kernel itself has to say about a context in which something failed: empty, or words to be shown. */
export function readContextLog(context: number): string {
  const lines: string[] = [];
  const line = Buffer.alloc(LONGEST_MESSAGE);
  try {
    for (;;) {
      const length = readSync(context, line);
      if (length === 0) break;
      // "e overlay: …": the level, a space, the message.
      lines.push(line.toString("utf8", 2, length).trim());
    }
  } catch {
    // ENODATA: there is no more. Whatever else it is, a missing message must not hide the error that it is about.
  }
  return lines.join("; ");
}

function numberOf(call: keyof typeof CALLS): number {
  if (arch().startsWith("mips")) throw errnoError(call, constants.errno.ENOSYS, "");
  return CALLS[call];
}

function assertFd(result: number, call: string, path: ByteString): number {
  if (result < 0) throw errnoError(call, libc().errno(), path);
  return result;
}
