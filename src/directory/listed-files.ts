import type { FileContents, FileReader, LayerIndex, ListedLayer } from "../layer/index.ts";
import type { FileStatus } from "../linux/index.ts";
import { dataRunsOf } from "./data-runs.ts";
import { type ListedFile, listedFileSource, type OpenedFile, openListedFile } from "./listed-file.ts";
import { ListedFileReader } from "./listed-file-reader.ts";
import type { Notice } from "./notice.ts";
import type { WalkedFiles } from "./walked-files.ts";

const WORD = 2 ** 32;

/** A directory as it was when it was listed; its files are read later, from where they lie. */
export interface ListedDirectory extends ListedLayer {
  /** What the listing does not tell as it is, in the order of the walk. */
  readonly notices: readonly Notice[];
  /** Opens the regular file at an entry at once. @throws StrataError `file-changed`, as `fileError` */
  openSync(entry: number): OpenedFile;
  reader(): FileReader;
  /** Says which file of this machine an entry is: two entries of one key, in any two listings, have the same bytes. */
  contentKey(entry: number): string | undefined;
  /** Whether the time of the file at an entry is the clock's, see `FileStatus`. */
  isTimeFresh(entry: number): boolean;
}

/** Where the files of a listing lie. */
export interface FilePlaces {
  /** Of each entry, which file holds its data. */
  readonly files: FileNumbers;
  readonly notices: readonly Notice[];
  /** Where the data of an entry lies. */
  readonly placeOf: (entry: number) => Pick<ListedFile, "directory" | "name">;
}

/** A listing whose regular files lie somewhere on this machine. */
export function listedFiles(index: LayerIndex, { files, notices, placeOf }: FilePlaces): ListedDirectory {
  const sizeOf = (entry: number): number => index.columns.size[entry] as number;
  const fileOf = (entry: number): ListedFile => ({ ...placeOf(entry), size: sizeOf(entry) });
  return {
    index,
    notices,
    ...contentsOf(fileOf),
    openSync: (entry) => openListedFile(fileOf(entry)),
    contentKey: (entry) => files.keyOf(entry),
    isTimeFresh: (entry) => files.isTimeFresh(entry),
  };
}

/** The data of entries that are files of this machine. @param walked as {@link ListedFileReader} takes it */
export function contentsOf<Entry>(
  fileOf: (entry: Entry) => ListedFile,
  walked?: WalkedFiles,
): Required<FileContents<Entry>> {
  return {
    open: async (entry) => listedFileSource(fileOf(entry)),
    reader: () => new ListedFileReader(fileOf, walked),
    dataRuns: (entry) => dataRunsOf(fileOf(entry)),
  };
}

/** Device, inode, and whether the time is fresh. */
const PER_ENTRY = 3;

/** Which file each entry is, in plain numbers: for millions of them. */
export class FileNumbers {
  readonly #numbers: number[] = [];

  /** Entries so far. */
  get count(): number {
    return this.#numbers.length / PER_ENTRY;
  }

  /** Of the next entry. */
  add({ device, inodeHigh, inodeLow, isTimeFresh }: FileStatus): void {
    // What does not fit into a number is kept as what equals nothing.
    const isExact = inodeHigh < 2 ** 21;
    const inode = isExact ? inodeHigh * WORD + inodeLow : Number.NaN;
    this.#numbers.push(device.major * WORD + device.minor, inode, Number(isTimeFresh));
  }

  /** Equal for two entries, of any listings, that are one file; undefined where that cannot be told. */
  keyOf(entry: number): string | undefined {
    const inode = this.#numbers[PER_ENTRY * entry + 1] as number;
    return Number.isNaN(inode) ? undefined : `${this.#numbers[PER_ENTRY * entry]}:${inode}`;
  }

  /** As `FileStatus` says of the file. */
  isTimeFresh(entry: number): boolean {
    return this.#numbers[PER_ENTRY * entry + 2] === 1;
  }
}
