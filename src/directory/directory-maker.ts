import { closeSync, fstatSync } from "node:fs";
import type { ByteString } from "../base/index.ts";
import {
  listXattrs,
  makeDirectoryAt,
  openDirectoryBeneath,
  removeTreeAt,
  removeXattr,
  setMode,
  setOwner,
  setTimes,
  setXattr,
} from "../linux/index.ts";
import { baseNameOf, parentOf } from "../tree/index.ts";
import { DirectoryOpener } from "./directory-opener.ts";
import { dropListsOfDirectory, givesLists } from "./inherited-lists.ts";
import { type Losses, tolerate } from "./losses.ts";
import { appliedMode, type Manner, needsOwner } from "./manner.ts";
import { overrideStat } from "./override-stat.ts";
import {
  CHANGED_DIRECTORY,
  NEW_DIRECTORY,
  nameOfRow,
  pathOfDirectory,
  type Rows,
  TOUCHED_DIRECTORY,
} from "./work-list.ts";
import { writeError } from "./write-error.ts";

/** Removes what is at a clean path beneath the root, with all that is in it. */
export function removeBeneath(root: number, path: ByteString): void {
  try {
    const parent = openDirectoryBeneath(root, parentOf(path));
    try {
      removeTreeAt(parent, baseNameOf(path));
    } finally {
      closeSync(parent);
    }
  } catch (error) {
    throw writeError(error, path);
  }
}

/** Makes the directories that a list wants, closed to others, and gives them their metadata in the end. Dispose it. */
export class DirectoryMaker implements Disposable {
  readonly #rows: Rows;
  readonly #opener: DirectoryOpener;
  #parent = -1;
  #fd = -1;
  #givesLists = false;

  constructor(directories: Rows, root: number) {
    this.#rows = directories;
    this.#opener = new DirectoryOpener(directories, root);
  }

  /** Makes one, unless it is one that is there. Its parent was made before. @returns whether it was made */
  make(row: number, { replaces }: Manner): boolean {
    if (this.#rows.kind[row] !== NEW_DIRECTORY || row === 0) return false;
    const name = nameOfRow(this.#rows, row);
    try {
      return this.#makeIn(this.#open(this.#rows.parent[row] as number), name, replaces);
    } catch (error) {
      throw writeError(error, pathOfDirectory(this.#rows, row));
    }
  }

  #makeIn(parent: number, name: ByteString, replaces: boolean): boolean {
    try {
      makeDirectoryAt(parent, name, 0o700);
      if (this.#givesLists) dropListsOfDirectory(parent, name);
      return true;
    } catch (error) {
      if (!replaces || (error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      closeSync(openDirectoryBeneath(parent, name));
      return false;
    }
  }

  /** One parent at a time stays open: siblings come one after the other, mostly. */
  #open(parent: number): number {
    if (parent === this.#parent) return this.#fd;
    this.#close();
    this.#fd = this.#opener.open(parent);
    this.#parent = parent;
    this.#givesLists = givesLists(this.#fd);
    return this.#fd;
  }

  #close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#parent = -1;
  }

  [Symbol.dispose](): void {
    this.#close();
    this.#opener[Symbol.dispose]();
  }

  /** Gives one its owner, mode, attributes and time. Those in it must have theirs. */
  finish(row: number, manner: Manner, losses: Losses): void {
    try {
      const fd = this.#opener.open(row);
      try {
        if (this.#rows.kind[row] !== TOUCHED_DIRECTORY) this.#describe(fd, row, { manner, losses });
        const { seconds, nanoseconds } = this.#rows;
        setTimes(fd, { seconds: seconds[row] as number, nanoseconds: nanoseconds[row] as number });
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      throw writeError(error, pathOfDirectory(this.#rows, row));
    }
  }

  #describe(fd: number, row: number, { manner, losses }: { readonly manner: Manner; readonly losses: Losses }): void {
    const { uid, gid, mode, kind } = this.#rows;
    const isThere = kind[row] === CHANGED_DIRECTORY || row === 0;
    const isOther = needsOwner(
      { ...manner, alwaysOwns: manner.alwaysOwns || isThere },
      uid[row] as number,
      gid[row] as number,
    );
    if (isOther) this.#own(fd, row);
    setMode(fd, appliedMode(manner, mode[row] as number, 0o700));
    const attributes = this.#rows.extras.get(row)?.attributes ?? [];
    if (isThere) removeOthers(fd, new Set(attributes.map(({ name }) => name)));
    for (const { name, value } of attributes) {
      const reason = tolerate(() => setXattr(fd, name, value));
      if (reason !== undefined) losses.add({ what: "xattr", path: pathOfDirectory(this.#rows, row), name, reason });
    }
    if (manner.owners === "apply") return;
    const { name, value } = overrideStat(this.#rows, row);
    const reason = tolerate(() => setXattr(fd, name, value));
    if (reason !== undefined) losses.add({ what: "owner", path: pathOfDirectory(this.#rows, row), name: "", reason });
  }

  /** One that is there may belong to whom it shall already, which needs no privilege. */
  #own(fd: number, row: number): void {
    const { uid, gid } = fstatSync(fd);
    const [toUser, toGroup] = [this.#rows.uid[row] as number, this.#rows.gid[row] as number];
    if (uid !== toUser || gid !== toGroup) setOwner(fd, toUser, toGroup);
  }
}

function removeOthers(fd: number, kept: ReadonlySet<ByteString>): void {
  for (const name of listXattrs(fd)) {
    // Labels are the host's.
    if (!kept.has(name) && name !== "security.selinux") tolerate(() => removeXattr(fd, name));
  }
}
