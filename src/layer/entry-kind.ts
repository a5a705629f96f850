import type { EntryType } from "../tar/index.ts";

/** Entry types as they are numbered in the columns of a layer index; the numbers are part of the encoded form. */
export const ENTRY_TYPES: readonly EntryType[] = ["file", "hardlink", "symlink", "char", "block", "directory", "fifo"];

export const FILE = 0;
export const HARDLINK = 1;
export const SYMLINK = 2;
export const CHAR = 3;
export const BLOCK = 4;
export const DIRECTORY = 5;
export const FIFO = 6;

/** Number of an entry type, for the columns. */
export const entryTypeNumber: Readonly<Record<EntryType, number>> = {
  file: FILE,
  hardlink: HARDLINK,
  symlink: SYMLINK,
  char: CHAR,
  block: BLOCK,
  directory: DIRECTORY,
  fifo: FIFO,
};
