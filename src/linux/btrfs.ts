import { closeSync, constants, openSync } from "node:fs";
import { type ByteString, fromBuffer, toBuffer } from "../base/index.ts";
import { assertDone, cString, libcFunction } from "./libc.ts";

/** linux/btrfs.h: the ioctls that make and delete subvolumes, and read and set their flags. */
const SNAP_DESTROY = 0x5000_940fn;
const SNAP_CREATE_V2 = 0x5000_9417n;
const SUBVOL_CREATE_V2 = 0x5000_9418n;
const SUBVOL_GETFLAGS = 0x8008_9419n;
const SUBVOL_SETFLAGS = 0x4008_941an;
const SUBVOL_RDONLY = 2n;

/** `struct btrfs_ioctl_vol_args` and its second version are of one size; a name stands at the end of both. */
const ARGS_BYTES = 4096;
const NAME_OFFSET = 8;
const FLAGS_OFFSET_V2 = 16;
const NAME_OFFSET_V2 = 56;

/** Root directories of subvolumes have this inode number, and nothing else on btrfs has. */
export const SUBVOLUME_INODE = 256;

const ioctl = libcFunction<[fd: number, request: bigint, argument: Uint8Array]>(
  "int ioctl(int fd, unsigned long request, void *argument)",
);

/** Makes an empty subvolume, `0777` less the umask. @throws an errno error as Node's: `EEXIST`, `ENOTTY` off btrfs … */
export function createSubvolume(path: ByteString): void {
  inParent(path, (directory, name) => {
    assertDone(ioctl(directory, SUBVOL_CREATE_V2, argumentsV2(name)), "btrfs subvolume create", path);
  });
}

/**
 * Makes a subvolume that shares everything with `source`, another one of the same file system. Subvolumes inside the
 * source are empty directories in it. @throws an errno error as Node's: `EEXIST`, `EXDEV`, `EINVAL` for no subvolume …
 */
export function snapshotSubvolume(
  source: ByteString,
  path: ByteString,
  { isReadOnly = false }: { readonly isReadOnly?: boolean } = {},
): void {
  withDirectory(source, (from) => {
    inParent(path, (directory, name) => {
      const values = argumentsV2(name);
      values.writeBigInt64LE(BigInt(from), 0);
      values.writeBigUInt64LE(isReadOnly ? SUBVOL_RDONLY : 0n, FLAGS_OFFSET_V2);
      assertDone(ioctl(directory, SNAP_CREATE_V2, values), "btrfs subvolume snapshot", path);
    });
  });
}

/**
 * Deletes a subvolume with all that is in it; the space comes back later. @throws an errno error as Node's: `ENOENT`,
 * `ENOTEMPTY` while there are subvolumes inside, `EROFS` when it lies in a read-only one …
 */
export function destroySubvolume(path: ByteString): void {
  inParent(path, (directory, name) => {
    const values = Buffer.alloc(ARGS_BYTES);
    values.set(name, NAME_OFFSET);
    assertDone(ioctl(directory, SNAP_DESTROY, values), "btrfs subvolume delete", path);
  });
}

/** Whether nobody can write into a subvolume. @throws an errno error as Node's: `EINVAL` for no subvolume … */
export function isSubvolumeReadOnly(path: ByteString): boolean {
  return (flagsOf(path) & SUBVOL_RDONLY) !== 0n;
}

/** Lets nobody write into a subvolume, or somebody again. @throws an errno error as Node's: `EINVAL`, `EPERM` … */
export function setSubvolumeReadOnly(path: ByteString, isReadOnly: boolean): void {
  const others = flagsOf(path) & ~SUBVOL_RDONLY;
  const values = Buffer.alloc(8);
  values.writeBigUInt64LE(isReadOnly ? others | SUBVOL_RDONLY : others);
  withDirectory(path, (fd) => assertDone(ioctl(fd, SUBVOL_SETFLAGS, values), "btrfs property set", path));
}

function flagsOf(path: ByteString): bigint {
  const values = Buffer.alloc(8);
  withDirectory(path, (fd) => assertDone(ioctl(fd, SUBVOL_GETFLAGS, values), "btrfs property get", path));
  return values.readBigUInt64LE();
}

function argumentsV2(name: Uint8Array): Buffer {
  const values = Buffer.alloc(ARGS_BYTES);
  values.set(name, NAME_OFFSET_V2);
  return values;
}

/** Calls with the directory that a path lies in, and its last name. */
function inParent(path: ByteString, call: (directory: number, name: Uint8Array) => void): void {
  const bytes = cString(path).subarray(0, -1);
  const slash = bytes.lastIndexOf(0x2f);
  const parent = slash < 0 ? "." : fromBuffer(bytes.subarray(0, Math.max(slash, 1)));
  withDirectory(parent, (directory) => call(directory, bytes.subarray(slash + 1)));
}

function withDirectory(path: ByteString, call: (fd: number) => void): void {
  const fd = openSync(toBuffer(path), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    call(fd);
  } finally {
    closeSync(fd);
  }
}
