import { closeSync } from "node:fs";
import type { FileReader } from "../layer/index.ts";
import { hasHoles, isLinux } from "../linux/index.ts";
import { SMALLEST_SPARSE } from "../tar/index.ts";
import { HeldDirectory } from "./held-directory.ts";
import { assertUnchanged, changed, type ListedFile, openBelow, openedAs, readOnce } from "./listed-file.ts";
import type { WalkedFiles } from "./walked-files.ts";

/** Files up to this size are read in one go, larger ones in pieces of it: they stay in the processor's cache until they are copied. */
const PIECE_BYTES = 256 * 1024;

/**
 * Reads the files of a listing that have no holes. It holds open what {@link HeldDirectory} does, and a large file until the next one is
 * read. No symlink is followed below the directory that was listed.
 */
export class ListedFileReader<Entry> implements FileReader<Entry> {
  readonly #fileOf: (entry: Entry) => ListedFile;
  /** One byte more tells that a file has grown. */
  readonly #bytes = Buffer.allocUnsafeSlow(PIECE_BYTES + 1);
  readonly #walked: WalkedFiles | undefined;
  #directory: HeldDirectory | undefined;
  /** The large file. */
  #reading: number | undefined;

  /** @param walked the files of a walk that is under way, whose current one is open already */
  constructor(fileOf: (entry: Entry) => ListedFile, walked?: WalkedFiles) {
    this.#fileOf = fileOf;
    this.#walked = walked;
  }

  /** @throws StrataError `file-changed`, as `fileError` */
  read(entry: Entry): Iterable<Uint8Array> | undefined {
    this.#closeLarge();
    const file = this.#fileOf(entry);
    const walked = this.#walked?.take(file.name);
    const fd = walked ?? this.#open(file);
    try {
      if (walked === undefined) assertUnchanged(fd, file);
      if (file.size > SMALLEST_SPARSE && isLinux() && hasHoles(fd, file.size)) return undefined;
      if (file.size <= PIECE_BYTES) return [this.#readAll(fd, file)];
      this.#reading = fd;
      return this.#piecesOf(fd, file);
    } finally {
      if (this.#reading !== fd) closeSync(fd);
    }
  }

  [Symbol.dispose](): void {
    this.#closeLarge();
    this.#directory?.[Symbol.dispose]();
  }

  #closeLarge(): void {
    if (this.#reading !== undefined) closeSync(this.#reading);
    this.#reading = undefined;
  }

  #open(file: ListedFile): number {
    if (!isLinux()) return openBelow(file);
    if (this.#directory?.path !== file.directory) {
      this.#directory?.[Symbol.dispose]();
      this.#directory = new HeldDirectory(file.directory);
    }
    const directory = this.#directory;
    return openedAs(file, () => directory.openFile(file.name));
  }

  *#piecesOf(fd: number, file: ListedFile): Generator<Uint8Array> {
    for (let offset = 0; offset < file.size; ) {
      const target = this.#bytes.subarray(0, Math.min(PIECE_BYTES, file.size - offset));
      const count = readOnce(fd, target, { file, offset });
      if (count === 0) throw changed(file, offset);
      offset += count;
      if (offset === file.size) assertUnchanged(fd, file);
      yield target.subarray(0, count);
    }
  }

  #readAll(fd: number, file: ListedFile): Uint8Array {
    const bytes = this.#bytes;
    let done = 0;
    do {
      const count = readOnce(fd, bytes.subarray(done, file.size + 1), { file, offset: done });
      if (count === 0) break;
      done += count;
    } while (done < file.size);
    if (done !== file.size) throw changed(file, done);
    return bytes.subarray(0, done);
  }
}
