import type { ByteString } from "../../base/index.ts";
import { constants } from "../constants.ts";
import { type ErrnoCode, errnoError, type FailedCall } from "../errno-error.ts";
import { FileBigIntStats, type FileFacts, FileStats } from "../file-stats.ts";
import type { FsLike, ReadFsLike } from "../fs-like.ts";
import { branchOf } from "./branch.ts";
import type { Halves } from "./copy-up.ts";
import { LinkGroups } from "./link-groups.ts";
import { ReadWriteLock } from "./read-write-lock.ts";
import { type UnionNode, UnionTree } from "./union-tree.ts";
import { Upper } from "./upper.ts";
import { walkToExisting } from "./walk-to.ts";

/** What a {@link UnionCore} is made of. */
export interface UnionCoreInit {
  readonly upper: FsLike;
  /** Base first. */
  readonly lowers: readonly ReadFsLike[];
  readonly time: bigint | undefined;
  readonly umask: number;
}

/** One file system has one device number, as in an image. */
const DEVICE = 1;

/** What all functions of a union share: its halves, and the order in which they may touch them. */
export class UnionCore implements Halves {
  readonly tree: UnionTree;
  readonly upper: Upper;
  readonly groups = new LinkGroups();
  readonly umask: number;
  /** Directories whose times somebody set: their time alone is a change, and no trace of one. */
  readonly stamped = new Set<ByteString>();
  readonly #lock = new ReadWriteLock();
  readonly #appends = new ReadWriteLock();
  #isFrozen = false;

  constructor({ upper, lowers, time, umask }: UnionCoreInit) {
    this.tree = new UnionTree([upper, ...[...lowers].reverse()].map(branchOf));
    this.upper = new Upper(upper, time);
    this.umask = umask;
  }

  /** Answers a question about files. Never from within another, or from within a {@link change}. */
  look<T>(call: FailedCall, answer: () => Promise<T>): Promise<T> {
    return this.#lock.reading(() => named(call, answer));
  }

  /** Makes a change, alone. Never from within another, or from within a {@link look}. */
  change<T>(call: FailedCall, change: () => Promise<T>): Promise<T> {
    return this.#lock.writing(() => {
      if (this.#isFrozen) throw errnoError("EROFS", call);
      return named(call, change);
    });
  }

  /** Lets the changes that were asked for end, and refuses all others. */
  freeze(): Promise<void> {
    return this.#lock.writing(async () => {
      this.#isFrozen = true;
    });
  }

  /** Writes at the end of a file, one after the other, whatever handle they come by. */
  append<T>(write: () => Promise<T>): Promise<T> {
    return this.#appends.writing(write);
  }

  /** The file that a path leads to. Only within {@link look} and {@link change}. */
  find(path: ByteString, call: FailedCall, follow = true): Promise<UnionNode> {
    return walkToExisting(this.tree, path, { follow, call });
  }

  /** What the union says of a file. */
  async factsOf(node: UnionNode): Promise<FileFacts> {
    const facts = this.translate(node.facts, node.branches[0] as number);
    return { ...facts, nlink: await this.groups.linksOf(this.tree, node) };
  }

  /** The facts of a file of a branch with numbers that mean something in the union. */
  translate(facts: FileFacts, branch: number): FileFacts {
    return { ...facts, dev: DEVICE, ino: facts.ino * this.tree.branches.length + branch };
  }
}

/** Facts in the form that was asked for. */
export function statsOf(facts: FileFacts, isBigint: boolean | undefined): FileStats | FileBigIntStats {
  return isBigint === true ? new FileBigIntStats(facts) : new FileStats(facts);
}

/** The mode argument of what makes files. */
export function permissionsOf(mode: number, umask: number): number {
  return mode & 0o7777 & ~umask;
}

/** Whether flags of open(2) ask for writing. */
export function isWriting(flags: number): boolean {
  return (flags & (constants.O_WRONLY | constants.O_RDWR | constants.O_TRUNC)) !== 0;
}

/** Failures of the file systems below speak of their own paths; the caller knows only ours. */
async function named<T>(call: FailedCall, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, errno, path } = error as NodeJS.ErrnoException;
    if (typeof errno !== "number" || code === undefined || path === call.path) throw error;
    throw Object.assign(errnoError(code as ErrnoCode, call), { cause: error });
  }
}
