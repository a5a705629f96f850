import { closeSync, constants } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { assertNotAborted, type ByteString, fromText, StrataError, toText } from "../base/index.ts";
import { fileError } from "../content/index.ts";
import { LayerIndexBuilder } from "../layer/index.ts";
import { type FileStatus, openDirectory, openDirectoryBeneath, statusOf } from "../linux/index.ts";
import type { TarEntry } from "../tar/index.ts";
import { describeFile, describeLink, entryTypeOf, namesInOrder } from "./describe-file.ts";
import { FileNumbers, type ListedDirectory, listedFiles } from "./listed-files.ts";
import type { Notice } from "./notice.ts";

const ENTRIES_PER_TURN = 2000;
/** PATH_MAX is 4096; what is deeper is reached through an open directory. */
const LONGEST_PATH = 3500;

/** How a directory is listed. */
export interface ListDirectoryOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told each entry in turn, from the first; gives it as it shall be listed, under the same name. */
  readonly map?: ((entry: TarEntry) => TarEntry) | undefined;
  /** What to do with a directory that may not be read: give up (default), or list it as empty with a notice. */
  readonly unreadable?: "fail" | "skip" | undefined;
}

/**
 * Walks a directory as a layer: parents before children, siblings in the order of their bytes, links never followed.
 * Names are byte-exact and relative to the directory, which is itself the first entry, `./`. Further names of one inode
 * are hardlinks to the first. Sockets are left out, and what is mounted inside: `/proc` is no part of an image.
 *
 * @throws StrataError as `fileError` when the directory is none, or something in it may not be read; `aborted`
 */
export async function listDirectory(
  directory: string,
  { signal, map, unreadable = "fail" }: ListDirectoryOptions = {},
): Promise<ListedDirectory> {
  const walk = new Walk(directory, unreadable);
  const builder = new LayerIndexBuilder();
  const files = new FileNumbers();
  for (const { entry, status } of walk.entries()) {
    builder.add(map?.(entry) ?? entry);
    files.add(status);
    if (files.count % ENTRIES_PER_TURN > 0) continue;
    assertNotAborted(signal);
    await nextTurn();
  }
  const index = builder.finish();
  return listedFiles(index, {
    files,
    notices: walk.notices,
    placeOf: (entry) => ({ directory, name: index.name(entry) }),
  });
}

interface WalkedEntry {
  readonly entry: TarEntry;
  readonly status: FileStatus;
}

class Walk {
  readonly notices: Notice[] = [];
  readonly #directory: string;
  readonly #root: ByteString;
  readonly #unreadable: "fail" | "skip";
  /** First name of each inode that has several. */
  readonly #firstNames = new Map<string, ByteString>();

  constructor(directory: string, unreadable: "fail" | "skip") {
    this.#directory = directory;
    this.#root = fromText(directory);
    this.#unreadable = unreadable;
  }

  *entries(): Generator<WalkedEntry> {
    const root = this.#statusOfRoot();
    /** Names still to visit; the next is the last. */
    const pending: ByteString[] = ["."];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const status = name === "." ? root : this.#unlessGone(name, statusOf);
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

  #childrenOf(name: ByteString): ByteString[] {
    const prefix = name === "." ? "" : `${name}/`;
    try {
      return (this.#unlessGone(name, namesInOrder) ?? []).map((child) => prefix + child);
    } catch (error) {
      if (this.#unreadable === "fail" || !(error instanceof StrataError) || error.code !== "permission-denied") {
        throw error;
      }
      this.#notice("unreadable", name, "may not be read, and counts as empty");
      return [];
    }
  }

  /** Undefined, with a notice, when the name is gone, or names something else by now. */
  #unlessGone<T>(name: ByteString, use: (path: ByteString) => T): T | undefined {
    try {
      return this.#reach(name, use);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "";
      if (!["ENOENT", "ENOTDIR", "EINVAL"].includes(code)) {
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
