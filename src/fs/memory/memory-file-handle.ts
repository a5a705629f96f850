import { constants } from "../constants.ts";
import { errnoError } from "../errno-error.ts";
import { FileBigIntStats } from "../file-stats.ts";
import type { HandleLike } from "../fs-like.ts";
import { nanosecondsOf } from "../time-argument.ts";
import { dropPrivileges, factsOfInode, type MemoryInode } from "./memory-inode.ts";

/** What an open file needs of its file system. */
export interface OpenedInode {
  readonly inode: MemoryInode;
  readonly flags: number;
  readonly clock: () => bigint;
  /** Called once, when it is closed. */
  readonly onClose: () => Promise<void>;
}

/** An open file in memory; it lives on when its last name is gone. */
export class MemoryFileHandle implements HandleLike {
  readonly #opened: OpenedInode;
  #isClosed = false;

  constructor(opened: OpenedInode) {
    this.#opened = opened;
    opened.inode.content?.enter();
  }

  async read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }> {
    const { inode, flags } = this.#open("read");
    if ((flags & constants.O_WRONLY) !== 0) throw errnoError("EBADF", { syscall: "read" });
    if (inode.content === undefined) throw errnoError("EISDIR", { syscall: "read" });
    return { bytesRead: await inode.content.read(buffer.subarray(offset, offset + length), position) };
  }

  async write(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }> {
    const { inode, flags } = this.#writable("write");
    const bytes = buffer.subarray(offset, offset + length);
    const isAppending = (flags & constants.O_APPEND) !== 0;
    await inode.content?.write(bytes, isAppending ? "end" : position);
    this.#written();
    return { bytesWritten: bytes.length };
  }

  async truncate(length: number): Promise<void> {
    const { inode } = this.#writable("ftruncate");
    await inode.content?.truncate(length);
    this.#written();
  }

  async stat(_options?: { readonly bigint: true }): Promise<FileBigIntStats> {
    return new FileBigIntStats(factsOfInode(this.#open("fstat").inode));
  }

  async chmod(mode: number): Promise<void> {
    const { inode, clock } = this.#open("fchmod");
    inode.mode = (inode.mode & constants.S_IFMT) | (mode & 0o7777);
    inode.ctimeNs = clock();
  }

  async chown(uid: number, gid: number): Promise<void> {
    const { inode, clock } = this.#open("fchown");
    inode.uid = uid;
    inode.gid = gid;
    dropPrivileges(inode, { bits: true });
    inode.ctimeNs = clock();
  }

  async utimes(atime: number, mtime: number): Promise<void> {
    await this.setTimes(nanosecondsOf(atime, "atime"), nanosecondsOf(mtime, "mtime"));
  }

  async setTimes(atimeNs: bigint, mtimeNs: bigint): Promise<void> {
    const { inode, clock } = this.#open("futime");
    inode.atimeNs = atimeNs;
    inode.mtimeNs = mtimeNs;
    inode.ctimeNs = clock();
  }

  async sync(): Promise<void> {
    this.#open("fsync");
  }

  async datasync(): Promise<void> {
    this.#open("fdatasync");
  }

  async close(): Promise<void> {
    const { inode, onClose } = this.#open("close");
    this.#isClosed = true;
    await inode.content?.leave();
    await onClose();
  }

  #open(syscall: string): OpenedInode {
    if (this.#isClosed) throw errnoError("EBADF", { syscall });
    return this.#opened;
  }

  #writable(syscall: string): OpenedInode {
    const opened = this.#open(syscall);
    if ((opened.flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0) return opened;
    throw errnoError(syscall === "write" ? "EBADF" : "EINVAL", { syscall });
  }

  #written(): void {
    const { inode, clock } = this.#opened;
    dropPrivileges(inode, { bits: false });
    inode.mtimeNs = clock();
    inode.ctimeNs = inode.mtimeNs;
  }
}
