import type { ByteString } from "../../base/index.ts";
import type { MergedNode, MergedTree, Slot } from "../../union/index.ts";
import type { Accounts } from "../accounts.ts";

/** A file that an expression judges. */
export interface Candidate {
  readonly slot: Slot;
  /** Clean, without leading slash. */
  readonly path: ByteString;
  /** The starting point it was reached from, clean. */
  readonly start: ByteString;
  /** 0 at the starting point. */
  readonly depth: number;
  readonly node: MergedNode;
}

/** What an expression needs beside the file. */
export interface FindContext {
  readonly tree: MergedTree;
  readonly accounts: Accounts;
  /** Seconds since the epoch. */
  readonly now: number;
  /** Finds a path that the expression names, following symlinks as asked. */
  readonly resolve: (path: string) => Slot;
}
