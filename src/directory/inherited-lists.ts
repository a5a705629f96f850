import { closeSync } from "node:fs";
import type { ByteString } from "../base/index.ts";
import { listXattrs, openDirectoryBeneath, removeXattr, setXattr, setXattrAt } from "../linux/index.ts";

const DEFAULT_LIST: ByteString = "system.posix_acl_default";
const ACCESS_LIST: ByteString = "system.posix_acl_access";

/**
 * An access control list that says what a mode of 0600 does, so that the kernel keeps none (linux/posix_acl_xattr.h: version 2,
 * then owner, group and others, each with tag, permissions and no id).
 */
const NO_MORE_THAN_A_MODE = Buffer.from("0200000001000600ffffffff04000000ffffffff20000000ffffffff", "hex");

/** Whether what is made in an open directory inherits an access control list from it (acl(5)). */
export function givesLists(directory: number): boolean {
  return listXattrs(directory).includes(DEFAULT_LIST);
}

/** Takes the lists away that a directory inherited when it was made. Its mode is the caller's to set. */
export function dropListsOfDirectory(parent: number, name: ByteString): void {
  const fd = openDirectoryBeneath(parent, name);
  try {
    removeXattr(fd, DEFAULT_LIST);
    removeXattr(fd, ACCESS_LIST);
  } finally {
    closeSync(fd);
  }
}

/** Takes the list away that an open file inherited. Its mode is the caller's to set afterwards. */
export function dropList(fd: number): void {
  setXattr(fd, ACCESS_LIST, NO_MORE_THAN_A_MODE);
}

/** {@link dropList} by name, for devices and pipes; symlinks have none. */
export function dropListAt(directory: number, name: ByteString): void {
  setXattrAt(directory, name, { name: ACCESS_LIST, value: NO_MORE_THAN_A_MODE });
}
