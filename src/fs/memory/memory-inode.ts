import type { ByteString } from "../../base/index.ts";
import { TYPE_BITS } from "../../tree/index.ts";
import { constants } from "../constants.ts";
import type { FileFacts } from "../file-stats.ts";
import type { PagedContent } from "./paged-content.ts";

const SECTOR = 512;

/** One file of a {@link MemoryFs}, whatever its names. */
export interface MemoryInode {
  readonly ino: number;
  /** Type bits included. */
  mode: number;
  uid: number;
  gid: number;
  readonly rdev: number;
  nlink: number;
  atimeNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
  readonly birthtimeNs: bigint;
  xattrs: Map<ByteString, Buffer> | undefined;
  /** Of a directory. */
  readonly children: Map<ByteString, MemoryInode> | undefined;
  /** Of a regular file. */
  readonly content: PagedContent | undefined;
  /** Of a symlink. */
  readonly target: ByteString | undefined;
}

/** What `stat` tells of it. */
export function factsOfInode(inode: MemoryInode): FileFacts {
  const { ino, mode, nlink, uid, gid, rdev, atimeNs, mtimeNs, ctimeNs, birthtimeNs } = inode;
  const size = inode.content?.size ?? inode.target?.length ?? 0;
  const blocks = Math.ceil((inode.content?.allocated ?? 0) / SECTOR);
  return { dev: 1, ino, mode, nlink, uid, gid, rdev, size, blocks, atimeNs, mtimeNs, ctimeNs, birthtimeNs };
}

/** chown(2) and writes take privileges away that were given to another owner or to other bytes. */
export function dropPrivileges(inode: MemoryInode, { bits }: { readonly bits: boolean }): void {
  inode.xattrs?.delete("security.capability");
  if (!bits || (inode.mode & constants.S_IFMT) !== TYPE_BITS.file) return;
  const setgid = (inode.mode & 0o010) === 0 ? 0 : 0o2000;
  inode.mode &= ~(0o4000 | setgid);
}
