import type { EntryType } from "../tar/index.ts";

/** Entry types as they are numbered in the columns of a layer index; the numbers are part of the encoded form. */
export const ENTRY_TYPES: readonly EntryType[] = ["file", "hardlink", "symlink", "char", "block", "directory", "fifo"];

/** Type number of a regular file. */
export const FILE = 0;
/** Type number of a hardlink. */
export const HARDLINK = 1;
/** Type number of a symlink. */
export const SYMLINK = 2;
/** Type number of a character device. */
export const CHAR = 3;
/** Type number of a block device. */
export const BLOCK = 4;
/** Type number of a directory. */
export const DIRECTORY = 5;
/** Type number of a named pipe. */
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
