import { closeSync } from "node:fs";
import type { ByteString } from "../base/index.ts";
import { openDirectory, openDirectoryBeneath, openFileAt } from "../linux/index.ts";

/**
 * A directory whose files are opened one after the other. It holds that of the last one open, from which the next are reached, for
 * most lie in the same. No symlink is followed below. Opens nothing before it is asked to; Linux only. Dispose it.
 */
export class HeldDirectory implements Disposable {
  readonly path: string;
  #root: number | undefined;
  #last: { readonly path: ByteString; readonly fd: number } | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** A directory by its clean name, `""` for this one itself; good until the next call. @throws an errno error as `openDirectoryBeneath` */
  directory(name: ByteString): number {
    if (this.#last?.path === name) return this.#last.fd;
    this.#root ??= openDirectory(this.path);
    const fd = openDirectoryBeneath(this.#root, name);
    this.#letGo();
    this.#last = { path: name, fd };
    return fd;
  }

  /** @returns a file descriptor for reading, for the caller to close @throws an errno error as `openFileAt` and {@link directory} */
  openFile(name: ByteString): number {
    const slash = name.lastIndexOf("/");
    return openFileAt(this.directory(name.slice(0, Math.max(0, slash))), name.slice(slash + 1));
  }

  [Symbol.dispose](): void {
    this.#letGo();
    if (this.#root !== undefined) closeSync(this.#root);
    this.#root = undefined;
  }

  #letGo(): void {
    if (this.#last !== undefined) closeSync(this.#last.fd);
    this.#last = undefined;
  }
}
