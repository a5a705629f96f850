import { closeSync } from "node:fs";
import type { ByteString } from "../base/index.ts";
import type { SmallFileReader } from "../layer/index.ts";
import { hasHoles, isLinux, openDirectory, openDirectoryBeneath, openFileAt } from "../linux/index.ts";
import { SMALLEST_SPARSE } from "../tar/index.ts";
import { assertUnchanged, changed, type ListedFile, openBelow, openedAs, readOnce } from "./listed-file.ts";

/** Files up to this size are read in one go. */
const SMALL_BYTES = 256 * 1024;

/**
 * Reads the small files of a listing. It holds the directory of the last one open, from which the next ones are reached, for most lie
 * in the same; and the one that was listed. No symlink is followed below the directory that was listed.
 */
export class ListedFileReader<Entry> implements SmallFileReader<Entry> {
  readonly #fileOf: (entry: Entry) => ListedFile;
  /** One byte more tells that a file has grown. */
  readonly #bytes = Buffer.allocUnsafeSlow(SMALL_BYTES + 1);
  #root: { readonly path: string; readonly fd: number } | undefined;
  #held: { readonly path: ByteString; readonly fd: number } | undefined;

  constructor(fileOf: (entry: Entry) => ListedFile) {
    this.#fileOf = fileOf;
  }

  /** @throws StrataError `file-changed`, as `fileError` */
  read(entry: Entry): Uint8Array | undefined {
    const file = this.#fileOf(entry);
    if (file.size > SMALL_BYTES) return undefined;
    const fd = isLinux() ? openedAs(file, () => this.#open(file)) : openBelow(file);
    try {
      assertUnchanged(fd, file);
      if (file.size > SMALLEST_SPARSE && isLinux() && hasHoles(fd, file.size)) return undefined;
      return this.#readAll(fd, file);
    } finally {
      closeSync(fd);
    }
  }

  [Symbol.dispose](): void {
    this.#letGo();
    if (this.#root !== undefined) closeSync(this.#root.fd);
    this.#root = undefined;
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
