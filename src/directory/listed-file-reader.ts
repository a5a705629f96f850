import { closeSync } from "node:fs";
import type { ByteString } from "../base/index.ts";
import type { FileReader } from "../layer/index.ts";
import { hasHoles, isLinux, openDirectory, openDirectoryBeneath, openFileAt } from "../linux/index.ts";
import { SMALLEST_SPARSE } from "../tar/index.ts";
import { assertUnchanged, changed, type ListedFile, openBelow, openedAs, readOnce } from "./listed-file.ts";

/** Files up to this size are read in one go, larger ones in pieces of it: they stay in the processor's cache until they are copied. */
const PIECE_BYTES = 256 * 1024;

/**
 * Reads the files of a listing that have no holes. It holds the directory of the last one open, from which the next ones are reached,
 * for most lie in the same; the one that was listed; and a large file until the next one is read. No symlink is followed below the
 * directory that was listed.
 */
export class ListedFileReader<Entry> implements FileReader<Entry> {
  readonly #fileOf: (entry: Entry) => ListedFile;
  /** One byte more tells that a file has grown. */
  readonly #bytes = Buffer.allocUnsafeSlow(PIECE_BYTES + 1);
  #root: { readonly path: string; readonly fd: number } | undefined;
  #held: { readonly path: ByteString; readonly fd: number } | undefined;
  /** The large file. */
  #reading: number | undefined;

  constructor(fileOf: (entry: Entry) => ListedFile) {
    this.#fileOf = fileOf;
  }

  /** @throws StrataError `file-changed`, as `fileError` */
  read(entry: Entry): Iterable<Uint8Array> | undefined {
    this.#closeLarge();
    const file = this.#fileOf(entry);
    const fd = isLinux() ? openedAs(file, () => this.#open(file)) : openBelow(file);
    try {
      assertUnchanged(fd, file);
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
    this.#letGo();
    if (this.#root !== undefined) closeSync(this.#root.fd);
    this.#root = undefined;
  }

  #closeLarge(): void {
    if (this.#reading !== undefined) closeSync(this.#reading);
    this.#reading = undefined;
  }

  #letGo(): void {
    if (this.#held !== undefined) closeSync(this.#held.fd);
    this.#held = undefined;
  }

  #open({ directory, name }: ListedFile): number {
    if (this.#root?.path !== directory) {
      this[Symbol.dispose]();
      this.#root = { path: directory, fd: openDirectory(directory) };
    }
    const slash = name.lastIndexOf("/");
    const path = name.slice(0, Math.max(0, slash));
    if (this.#held?.path !== path) {
      this.#letGo();
      this.#held = { path, fd: openDirectoryBeneath(this.#root.fd, path) };
    }
    return openFileAt(this.#held.fd, name.slice(slash + 1));
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
