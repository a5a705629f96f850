import { closeSync, readdirSync, readlinkSync } from "node:fs";
import { type ByteString, fromBuffer, fromText, toBuffer, toText } from "../../base/index.ts";
import { fileError } from "../../content/index.ts";
import { entryOfStatus, entryTypeOf } from "../../directory/index.ts";
import { type LayerIndex, LayerIndexBuilder } from "../../layer/index.ts";
import { type FileStatus, openDirectory, openDirectoryBeneath, readXattrs, statusOf } from "../../linux/index.ts";
import type { EntryType } from "../../tar/index.ts";
import { baseNameOf, joinPath, parentOf } from "../../tree/index.ts";

/** PATH_MAX is 4096; what is deeper is reached through an open directory. */
const LONGEST_PATH = 3500;

/** A file of the directory that was looked at. */
export interface ExistingFile {
  readonly type: EntryType;
  /** Of a symlink. */
  readonly target: ByteString;
  /** How many names it has; 1 for a directory. */
  readonly names: number;
  /** Something else is mounted there. */
  readonly isMountPoint: boolean;
}

/** What was found of a directory, as the layer below all others. */
export interface ExistingLayer {
  readonly index: LayerIndex;
  /** Bytes that each entry takes on its disk; names of one file share them. */
  readonly storedBytes: Float64Array;
  /** Clean paths at which something is mounted. */
  readonly mountPoints: readonly ByteString[];
}

/**
 * Files of a directory that others look at one by one; it notes them, parents before children. A socket counts as a pipe:
 * something that has a name. A directory at which something is mounted is empty. Nothing is followed.
 */
export class ExistingFiles {
  readonly #directory: string;
  readonly #root: ByteString;
  readonly #found = new Map<ByteString, ExistingFile | undefined>();
  readonly #builder = new LayerIndexBuilder();
  readonly #storedBytes: number[] = [];
  readonly #mountPoints: ByteString[] = [];
  /** First names of files that have several. */
  readonly #firstNames = new Map<string, ByteString>();
  /** Offset that the next file would have in an archive of all of them. */
  #offset = 0;

  constructor(directory: string) {
    this.#directory = directory;
    this.#root = fromText(directory);
    this.look("");
  }

  /** What is at a clean path, whose parent must be a directory that was looked at; undefined for nothing. */
  look(path: ByteString): ExistingFile | undefined {
    if (this.#found.has(path)) return this.#found.get(path);
    const file = this.#unlessGone(path, (place) => this.#note(path, place));
    this.#found.set(path, file);
    return file;
  }

  /** Looks at all that is below a directory that was looked at. */
  lookBelow(directory: ByteString): void {
    const pending: ByteString[] = [directory];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      for (const name of this.#namesIn(at)) {
        const path = joinPath(at, name);
        if (this.look(path)?.type === "directory") pending.push(path);
      }
    }
  }

  /** All that was looked at; nothing may be looked at afterwards. */
  finish(): ExistingLayer {
    const storedBytes = Float64Array.from(this.#storedBytes);
    return { index: this.#builder.finish(this.#offset), storedBytes, mountPoints: this.#mountPoints };
  }

  #namesIn(directory: ByteString): ByteString[] {
    if (this.look(directory)?.isMountPoint === true) return [];
    const read = (place: ByteString): ByteString[] =>
      readdirSync(toBuffer(place), { encoding: "buffer" }).map(fromBuffer);
    return this.#unlessGone(directory, read) ?? [];
  }

  #note(path: ByteString, place: ByteString): ExistingFile {
    const status = statusOf(place);
    const type = entryTypeOf(status) ?? "fifo";
    const target = type === "symlink" ? fromBuffer(readlinkSync(toBuffer(place), { encoding: "buffer" })) : "";
    const names = type === "directory" ? 1 : status.links;
    const first = names === 1 ? undefined : this.#firstNameOf(path, status);
    this.#builder.add(
      first === undefined
        ? entryOfStatus(path, type, { status, linkName: target, xattrs: readXattrs(place), dataOffset: this.#offset })
        : entryOfStatus(path, "hardlink", { status, linkName: first }),
    );
    if (first === undefined && type === "file") this.#offset += status.size;
    this.#storedBytes.push(status.storedBytes / names);
    const isMountPoint = path !== "" && status.isMountPoint;
    if (isMountPoint) this.#mountPoints.push(path);
    return { type, target, names, isMountPoint };
  }

  /** Undefined where this is the first. */
  #firstNameOf(path: ByteString, { device, inodeHigh, inodeLow }: FileStatus): ByteString | undefined {
    const inode = `${device.major}:${device.minor}:${inodeHigh}:${inodeLow}`;
    const first = this.#firstNames.get(inode);
    if (first === undefined) this.#firstNames.set(inode, path);
    return first;
  }

  #unlessGone<T>(path: ByteString, use: (place: ByteString) => T): T | undefined {
    try {
      return this.#reach(path, use);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw fileError(error, `${this.#directory}/${toText(path)}`);
    }
  }

  /** Hands on a path that the kernel takes, however deep the file lies. */
  #reach<T>(path: ByteString, use: (place: ByteString) => T): T {
    // The caller may name the directory by a link.
    const place = `${this.#root}/${path === "" ? "." : path}`;
    if (place.length <= LONGEST_PATH) return use(place);
    const root = openDirectory(this.#directory);
    try {
      const parent = openDirectoryBeneath(root, parentOf(path));
      try {
        return use(`/proc/self/fd/${parent}/${baseNameOf(path)}`);
      } finally {
        closeSync(parent);
      }
    } finally {
      closeSync(root);
    }
  }
}
