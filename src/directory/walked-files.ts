import { closeSync, constants } from "node:fs";
import type { ByteString } from "../base/index.ts";
import { type FileStatus, statusOfOpen, type TypedName, typedNamesIn, xattrsOfOpen } from "../linux/index.ts";
import { HeldDirectory } from "./held-directory.ts";

/**
 * The regular files of a walk that reads them as well: each is opened when the walk comes to it, so that the kernel looks its name
 * up only once for what it is, what attributes it has, and its data. Linux only. Dispose it.
 */
export class WalkedFiles implements Disposable {
  readonly #directory: HeldDirectory;
  #current: { readonly name: ByteString; readonly fd: number } | undefined;

  constructor(directory: string) {
    this.#directory = new HeldDirectory(directory);
  }

  /** The names in a directory by its own clean name, in no order. @throws an errno error as `openDirectoryBeneath` */
  namesIn(directory: ByteString): TypedName[] {
    return typedNamesIn(this.#directory.directory(directory));
  }

  /** Undefined when it is no regular file by now, or cannot be opened. */
  open(name: ByteString): FileStatus | undefined {
    this.#close();
    try {
      this.#current = { name, fd: this.#directory.openFile(name) };
      const status = statusOfOpen(this.#current.fd);
      if (status.type === constants.S_IFREG) return status;
    } catch {
      // Whoever looks at the name itself learns why.
    }
    this.#close();
    return undefined;
  }

  /** The extended attributes of the file that was opened last; undefined when another one was. */
  xattrs(name: ByteString): ReadonlyMap<ByteString, Uint8Array> | undefined {
    return this.#current?.name === name ? xattrsOfOpen(this.#current.fd) : undefined;
  }

  /** The file that was opened last, for the caller to close; undefined when another one was. */
  take(name: ByteString): number | undefined {
    if (this.#current?.name !== name) return undefined;
    const { fd } = this.#current;
    this.#current = undefined;
    return fd;
  }

  [Symbol.dispose](): void {
    this.#close();
    this.#directory[Symbol.dispose]();
  }

  #close(): void {
    if (this.#current !== undefined) closeSync(this.#current.fd);
    this.#current = undefined;
  }
}
