import { type ByteString, now, toBuffer } from "../../base/index.ts";
import { constants } from "../constants.ts";
import { errnoError, type FailedCall } from "../errno-error.ts";
import type { FileFacts } from "../file-stats.ts";
import type { FsLike } from "../fs-like.ts";
import { toSeconds } from "../time-argument.ts";
import { fsPath } from "./branch.ts";
import { typeOfMode, type UnionNode } from "./union-tree.ts";

const NS_PER_MS = 1_000_000n;
const NO_FOLLOW = { followSymlinks: false } as const;

/** What a file is given beside its content. */
export type Attributes = Pick<FileFacts, "mode" | "uid" | "gid" | "atimeNs" | "mtimeNs">;

/** The branch that takes the changes, with clean paths in. */
export class Upper {
  readonly fs: FsLike;
  readonly #time: bigint | undefined;

  constructor(fs: FsLike, time: bigint | undefined) {
    this.fs = fs;
    this.#time = time;
  }

  /** The time of a change that is made now. */
  get now(): bigint {
    return this.#time ?? BigInt(now()) * NS_PER_MS;
  }

  /** The one time of all changes, where it is fixed. */
  get fixedTime(): bigint | undefined {
    return this.#time;
  }

  async makeEmpty(path: ByteString, mode: number): Promise<void> {
    const { O_WRONLY, O_CREAT, O_EXCL } = constants;
    await (await this.fs.open(fsPath(path), O_WRONLY | O_CREAT | O_EXCL, mode)).close();
  }

  async makeDirectory(path: ByteString, mode: number): Promise<void> {
    await this.fs.mkdir(fsPath(path), { mode });
  }

  async makeSymlink(path: ByteString, target: ByteString): Promise<void> {
    await this.fs.symlink(toBuffer(target), fsPath(path));
  }

  /** @throws ENOTSUP where the file system cannot */
  async makeSpecial(
    path: ByteString,
    { mode, rdev }: Pick<FileFacts, "mode" | "rdev">,
    call: FailedCall,
  ): Promise<void> {
    if (this.fs.mknod === undefined) throw errnoError("ENOTSUP", call);
    await this.fs.mknod(fsPath(path), mode, rdev);
  }

  link(existing: ByteString, path: ByteString): Promise<void> {
    return this.fs.link(fsPath(existing), fsPath(path));
  }

  rename(from: ByteString, to: ByteString): Promise<void> {
    return this.fs.rename(fsPath(from), fsPath(to));
  }

  unlink(path: ByteString): Promise<void> {
    return this.fs.unlink(fsPath(path));
  }

  removeDirectory(path: ByteString): Promise<void> {
    return this.fs.rmdir(fsPath(path));
  }

  /** {@link unlink} of what may be missing. */
  async discard(path: ByteString): Promise<void> {
    await this.unlink(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT" && error.code !== "ENAMETOOLONG") throw error;
    });
  }

  chmod(path: ByteString, mode: number): Promise<void> {
    return this.fs.chmod(fsPath(path), mode & 0o7777);
  }

  chown(path: ByteString, uid: number, gid: number): Promise<void> {
    return this.fs.lchown(fsPath(path), uid, gid);
  }

  async setTimes(path: ByteString, atimeNs: bigint, mtimeNs: bigint): Promise<void> {
    if (this.fs.setTimes !== undefined) await this.fs.setTimes(fsPath(path), atimeNs, mtimeNs);
    else await this.fs.lutimes(fsPath(path), toSeconds(atimeNs), toSeconds(mtimeNs));
  }

  /** @throws ENOTSUP where the file system cannot */
  async setXattr(path: ByteString, name: string, value: Uint8Array, call: FailedCall): Promise<void> {
    if (this.fs.setxattr === undefined) throw errnoError("ENOTSUP", call);
    await this.fs.setxattr(fsPath(path), name, value, NO_FOLLOW);
  }

  /** @throws ENOTSUP where the file system cannot */
  async removeXattr(path: ByteString, name: string, call: FailedCall): Promise<void> {
    if (this.fs.removexattr === undefined) throw errnoError("ENOTSUP", call);
    await this.fs.removexattr(fsPath(path), name, NO_FOLLOW);
  }

  /** All that a file has beside its content: the owner first, because a new owner takes bits and capabilities away. */
  async dress(path: ByteString, attributes: Attributes, xattrs: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const { mode, uid, gid, atimeNs, mtimeNs } = attributes;
    await this.chown(path, uid, gid);
    if (typeOfMode(mode) !== "symlink") await this.chmod(path, mode);
    for (const [name, value] of xattrs) await this.#keepXattr(path, name, value);
    await this.setTimes(path, atimeNs, mtimeNs);
  }

  /** Where the disk below has no attributes they are lost, as they are in an upper without the call. */
  async #keepXattr(path: ByteString, name: string, value: Uint8Array): Promise<void> {
    try {
      await this.fs.setxattr?.(fsPath(path), name, value, NO_FOLLOW);
    } catch (error) {
      if (!["ENOTSUP", "EOPNOTSUPP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }

  /** A name came or went: the directory, which is in the upper, is as old as that. */
  async touch(directory: UnionNode): Promise<void> {
    await this.setTimes(directory.path, directory.facts.atimeNs, this.now);
  }

  /** Takes back what making a name in the directory did to its times: for what nobody asked for. */
  async untouch(directory: UnionNode): Promise<void> {
    await this.setTimes(directory.path, directory.facts.atimeNs, directory.facts.mtimeNs);
  }
}
