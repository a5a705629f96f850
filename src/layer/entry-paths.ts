import { addDetails, type ByteString } from "../base/index.ts";
import { baseNameOf, cleanEntryName, parentOf } from "../tree/index.ts";
import type { LayerIndex } from "./layer-index.ts";
import { whereIs } from "./where-is.ts";

const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * The clean paths of the entries of an index, one after another, split into directory and name.
 *
 * Works on the bytes: most names are clean, and most entries lie in the directory of the entry before them, so that one
 * new string for each entry is enough, and equal directories are mostly the same string.
 */
export class EntryPaths {
  /** Clean path of the directory that holds the current entry; `""` is the root. */
  directory: ByteString = "";
  /** The current entry's own name; `""` for an entry that is the root itself. */
  name: ByteString = "";
  readonly #index: LayerIndex;
  /** Where the bytes of {@link directory} begin in the text, when they stand there as they are. */
  #directoryStart = 0;

  constructor(index: LayerIndex) {
    this.#index = index;
  }

  /**
   * Moves to an entry.
   *
   * @throws StrataError `path-escapes-root` (hostile) with the entry and its offset
   */
  moveTo(entry: number): void {
    const { text, columns } = this.#index;
    const start = columns.textStart[entry] as number;
    const length = columns.nameLength[entry] as number;
    const end = length > 1 && text[start + length - 1] === SLASH ? start + length - 1 : start + length;
    const slash = lastSlashIfClean(text, start, end);
    if (slash === UNCLEAN) return this.#clean(entry);
    const directoryEnd = slash < 0 ? start : slash;
    if (!this.#isSameDirectory(start, directoryEnd)) {
      this.directory = text.toString("latin1", start, directoryEnd);
      this.#directoryStart = start;
    }
    this.name = text.toString("latin1", slash < 0 ? start : slash + 1, end);
  }

  #isSameDirectory(start: number, end: number): boolean {
    const { length } = this.directory;
    if (end - start !== length) return false;
    const { text } = this.#index;
    for (let i = length - 1; i >= 0; i--) if (text[start + i] !== text[this.#directoryStart + i]) return false;
    return true;
  }

  #clean(entry: number): void {
    let path: ByteString;
    try {
      path = cleanEntryName(this.#index.name(entry));
    } catch (error) {
      throw addDetails(error, whereIs(this.#index, entry));
    }
    this.directory = parentOf(path);
    this.name = baseNameOf(path);
    // The clean path may not stand in the text: no bytes to compare the next entry with, unless it is the root.
    this.#directoryStart = this.directory === "" ? 0 : -1 - this.directory.length;
  }
}

/** What {@link lastSlashIfClean} says of a path that has to be cleaned first. */
export const UNCLEAN = -2;

/** The offset of the last slash in the path `text[start .. end)`, -1 without one, {@link UNCLEAN} when a component is empty, `.` or `..`. */
export function lastSlashIfClean(text: Uint8Array, start: number, end: number): number {
  let slash = -1;
  let component = start;
  for (let i = start; i <= end; i++) {
    if (i < end && text[i] !== SLASH) continue;
    const length = i - component;
    if (length === 0 || (length <= 2 && text[component] === DOT && text[i - 1] === DOT)) return UNCLEAN;
    if (i < end) slash = i;
    component = i + 1;
  }
  return slash;
}
