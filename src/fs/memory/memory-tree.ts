import type { ByteString } from "../../base/index.ts";
import { type ErrnoCode, errnoError } from "../errno-error.ts";
import type { FsPath } from "../fs-like.ts";
import { parsePath } from "../image-path.ts";
import type { MemoryInode } from "./memory-inode.ts";

/** The names of a file system in memory: finds, gives and takes them, and keeps the times and links of directories right. */
export class MemoryTree {
  readonly root: MemoryInode;
  readonly #clock: () => bigint;

  constructor(root: MemoryInode, clock: () => bigint) {
    this.root = root;
    this.#clock = clock;
  }

  /** Undefined when the last name is missing. */
  #walk(names: readonly ByteString[], path: FsPath, syscall: string): MemoryInode | undefined {
    let at: MemoryInode | undefined = this.root;
    for (const name of names) {
      if (at === undefined) throw fail("ENOENT", syscall, path);
      if (at.children === undefined) throw fail("ENOTDIR", syscall, path);
      at = at.children.get(name);
    }
    return at;
  }

  /** What a path leads to; undefined when the last name is missing. @throws ENOENT, ENOTDIR */
  find(path: FsPath, syscall: string): MemoryInode | undefined {
    return this.#walk(namesOf(path), path, syscall);
  }

  /** {@link find} of what must be there. @throws ENOENT, ENOTDIR */
  existing(path: FsPath, syscall: string): MemoryInode {
    const inode = this.find(path, syscall);
    if (inode === undefined) throw fail("ENOENT", syscall, path);
    return inode;
  }

  /** What a directory holds. @throws ENOENT, ENOTDIR */
  directory(path: FsPath, syscall: string): Map<ByteString, MemoryInode> {
    const { children } = this.existing(path, syscall);
    if (children === undefined) throw fail("ENOTDIR", syscall, path);
    return children;
  }

  #holder(path: FsPath, syscall: string): Holder {
    const names = namesOf(path);
    const name = names.pop();
    if (name === undefined) throw fail("EBUSY", syscall, path);
    const parent = this.#walk(names, path, syscall);
    if (parent === undefined) throw fail("ENOENT", syscall, path);
    if (parent.children === undefined) throw fail("ENOTDIR", syscall, path);
    return { parent, siblings: parent.children, name };
  }

  /** Gives an inode that is made when all is well a name. @throws EEXIST, ENOENT, ENOTDIR */
  place(path: FsPath, syscall: string, make: () => MemoryInode): MemoryInode {
    if (namesOf(path).length === 0) throw fail("EEXIST", syscall, path);
    const { parent, siblings, name } = this.#holder(path, syscall);
    if (siblings.has(name)) throw fail("EEXIST", syscall, path);
    const inode = make();
    siblings.set(name, inode);
    if (inode.children !== undefined) parent.nlink++;
    this.#touch(parent);
    return inode;
  }

  /** Takes a name away; the inode stays. @throws EBUSY for the root, ENOENT, ENOTDIR */
  take(path: FsPath, syscall: string): void {
    const { parent, siblings, name } = this.#holder(path, syscall);
    if (siblings.get(name)?.children !== undefined) parent.nlink--;
    siblings.delete(name);
    this.#touch(parent);
  }

  #touch(directory: MemoryInode): void {
    directory.mtimeNs = this.#clock();
    directory.ctimeNs = directory.mtimeNs;
  }
}

interface Holder {
  readonly parent: MemoryInode;
  readonly siblings: Map<ByteString, MemoryInode>;
  readonly name: ByteString;
}

function namesOf(path: FsPath): ByteString[] {
  return parsePath(path)
    .bytes.split("/")
    .filter((name) => name !== "" && name !== ".");
}

/** Whether a path is that of the directory, or lies below it. */
export function isWithin(directory: FsPath, path: FsPath): boolean {
  return `${namesOf(path).join("/")}/`.startsWith(`${namesOf(directory).join("/")}/`);
}

/** The error of a failed call. */
export function fail(code: ErrnoCode, syscall: string, path: FsPath): NodeJS.ErrnoException {
  return errnoError(code, { syscall, path: path.toString() });
}
