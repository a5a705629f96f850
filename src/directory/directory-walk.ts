import { closeSync, constants } from "node:fs";
import { type ByteString, fromText, StrataError, toText } from "../base/index.ts";
import { fileError } from "../content/index.ts";
import { type FileStatus, openDirectory, openDirectoryBeneath, statusOf, type TypedName } from "../linux/index.ts";
import type { TarEntry } from "../tar/index.ts";
import { describeFile, describeLink, entryOfStatus, entryTypeOf, namesInOrder } from "./describe-file.ts";
import type { Notice } from "./notice.ts";
import type { WalkedFiles } from "./walked-files.ts";

/** PATH_MAX is 4096; what is deeper is reached through an open directory. */
const LONGEST_PATH = 3500;

/** An entry, and what the kernel said of its file. */
export interface WalkedEntry {
  readonly entry: TarEntry;
  readonly status: FileStatus;
}

/** A name that is still to visit. */
interface Found {
  readonly name: ByteString;
  /** Its directory says so; false where it was not asked. */
  readonly isFile: boolean;
}

/** One walk over a directory, in the order and with the contents that `listDirectory` promises. */
export class DirectoryWalk {
  /** What {@link entries} did not tell as it is, so far. */
  readonly notices: Notice[] = [];
  readonly #directory: string;
  readonly #root: ByteString;
  readonly #rootStatus: FileStatus;
  readonly #unreadable: "fail" | "skip";
  readonly #files: WalkedFiles | undefined;
  /** First name of each inode that has several. */
  readonly #firstNames = new Map<string, ByteString>();

  /**
   * @param files opens the files on the way, for whoever reads them
   * @throws StrataError as `fileError` when the directory is none
   */
  constructor(directory: string, unreadable: "fail" | "skip", files?: WalkedFiles) {
    this.#directory = directory;
    this.#root = fromText(directory);
    this.#unreadable = unreadable;
    this.#files = files;
    this.#rootStatus = this.#statusOfRoot();
  }

  /** May be taken once. @throws StrataError as `listDirectory` */
  *entries(): Generator<WalkedEntry> {
    const root = this.#rootStatus;
    /** Names still to visit; the next is the last. */
    const pending: Found[] = [{ name: ".", isFile: false }];
    for (let found = pending.pop(); found !== undefined; found = pending.pop()) {
      const { name, isFile } = found;
      const opened = isFile ? this.#files?.open(name) : undefined;
      const status = opened ?? (name === "." ? root : this.#unlessGone(name, statusOf));
      const entry = status === undefined ? undefined : this.#entryOf(name, status);
      if (status === undefined || entry === undefined) continue;
      yield { entry, status };
      if (entry.type !== "directory" || this.#isOfOthers(name, status, root)) continue;
      // One by one: a directory may have more children than a call may have arguments.
      for (const child of this.#childrenOf(name).reverse()) pending.push(child);
    }
  }

  #statusOfRoot(): FileStatus {
    try {
      const status = statusOf(`${this.#root}/.`);
      if (status.type === constants.S_IFDIR) return status;
      throw Object.assign(new Error("not a directory"), { code: "ENOTDIR" });
    } catch (error) {
      throw fileError(error, this.#directory);
    }
  }

  /** Undefined when it left a notice instead. */
  #entryOf(name: ByteString, status: FileStatus): TarEntry | undefined {
    const type = entryTypeOf(status);
    if (type === undefined) return this.#notice("socket", name, "is a socket, which no layer can hold");
    if (status.isMountPoint && type !== "directory") {
      return this.#notice("mount-point", name, "something else is mounted there");
    }
    if (type === "directory" || status.links === 1) return this.#newEntry(name, status);
    const { device, inodeHigh, inodeLow } = status;
    const inode = `${device.major}:${device.minor}:${inodeHigh}:${inodeLow}`;
    const first = this.#firstNames.get(inode);
    if (first !== undefined) return describeLink(name, first, status);
    const entry = this.#newEntry(name, status);
    if (entry !== undefined) this.#firstNames.set(inode, name);
    return entry;
  }

  #newEntry(name: ByteString, status: FileStatus): TarEntry | undefined {
    const xattrs = this.#files?.xattrs(name);
    if (xattrs !== undefined) return entryOfStatus(name, "file", { status, xattrs });
    return this.#unlessGone(name, (path) => describeFile(path, name === "." ? "./" : name, status));
  }

  /** Whether what is in a directory is no part of the tree. */
  #isOfOthers(name: ByteString, status: FileStatus, root: FileStatus): boolean {
    if (name === ".") return false;
    const { device, isMountPoint } = status;
    if (!isMountPoint && device.major === root.device.major && device.minor === root.device.minor) return false;
    this.#notice("mount-point", name, "something else is mounted there, which is no part of the tree");
    return true;
  }

  #childrenOf(name: ByteString): Found[] {
    const prefix = name === "." ? "" : `${name}/`;
    try {
      return this.#namesIn(name).map((child) => ({
        name: prefix + child.name,
        isFile: child.type === constants.S_IFREG,
      }));
    } catch (error) {
      if (this.#unreadable === "fail" || !(error instanceof StrataError) || error.code !== "permission-denied") {
        throw error;
      }
      this.#notice("unreadable", name, "may not be read, and counts as empty");
      return [];
    }
  }

  /** In the order of their bytes. */
  #namesIn(name: ByteString): readonly TypedName[] {
    const files = this.#files;
    if (files === undefined) {
      return (this.#unlessGone(name, namesInOrder) ?? []).map((child) => ({ name: child, type: 0 }));
    }
    const names = this.#unlessGone(name, () => files.namesIn(name === "." ? "" : name)) ?? [];
    return names.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Undefined, with a notice, when the name is gone, or names something else by now. */
  #unlessGone<T>(name: ByteString, use: (path: ByteString) => T): T | undefined {
    try {
      return this.#reach(name, use);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "";
      if (!["ENOENT", "ENOTDIR", "ELOOP", "EINVAL"].includes(code)) {
        throw fileError(error, `${this.#directory}/${toText(name)}`);
      }
      return this.#notice("vanished", name, "vanished while the directory was listed");
    }
  }

  /** Hands on a path that the kernel takes, however deep the file lies. */
  #reach<T>(name: ByteString, use: (path: ByteString) => T): T {
    const path = `${this.#root}/${name}`;
    if (path.length <= LONGEST_PATH) return use(path);
    const root = openDirectory(this.#directory);
    try {
      const slash = name.lastIndexOf("/");
      const parent = openDirectoryBeneath(root, name.slice(0, Math.max(0, slash)));
      try {
        return use(`/proc/self/fd/${parent}/${name.slice(slash + 1)}`);
      } finally {
        closeSync(parent);
      }
    } finally {
      closeSync(root);
    }
  }

  #notice(what: Notice["what"], name: ByteString, reason: string): undefined {
    this.notices.push({ what, path: name === "." ? "" : name, reason });
    return undefined;
  }
}
