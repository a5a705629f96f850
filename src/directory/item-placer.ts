import { closeSync, ftruncateSync, writeSync } from "node:fs";
import { type ByteString, StrataError } from "../base/index.ts";
import {
  copyRange,
  createFileAt,
  makeLinkAt,
  makeSpecialFileAt,
  makeSymlinkAt,
  setMode,
  setModeAt,
  setOwner,
  setOwnerAt,
  setTimes,
  setTimesAt,
  setXattr,
  setXattrAt,
  unlinkAt,
} from "../linux/index.ts";
import { joinPath } from "../tree/index.ts";
import { DirectoryOpener } from "./directory-opener.ts";
import { dropList, dropListAt, givesLists } from "./inherited-lists.ts";
import { Losses, tolerate } from "./losses.ts";
import { appliedMode, type Manner, needsMode, needsOwner } from "./manner.ts";
import { overrideStat } from "./override-stat.ts";
import {
  type Attribute,
  BLOCK_DEVICE,
  CHAR_DEVICE,
  type LinkRow,
  nameOfRow,
  PIPE,
  PLAIN_FILE,
  pathOfDirectory,
  type Rows,
  SYMBOLIC_LINK,
  targetOfRow,
  WHITEOUT,
  type WorkList,
} from "./work-list.ts";
import { inTheWay, writeError } from "./write-error.ts";

/** The tar of a layer as an open file of this process. */
export interface OpenTar {
  readonly fd: number;
  /** Where the tar begins in the file. */
  readonly offset: number;
}

/** What {@link ItemPlacer} works on and with. All of it crosses threads: file descriptors belong to the process. */
export interface Placement {
  readonly work: Pick<WorkList, "directories" | "items">;
  /** The open directory that everything goes beneath. */
  readonly root: number;
  /** By layer; undefined for those whose bytes come otherwise. */
  readonly tars: readonly (OpenTar | undefined)[];
  readonly manner: Manner;
}

/** Makes files. Opens each directory beneath the root when the next file is not in the last one's. Dispose it. */
export class ItemPlacer implements Disposable {
  readonly losses: Losses = new Losses();
  entries = 0;
  bytes = 0;
  readonly #placement: Placement;
  readonly #items: Rows;
  readonly #opener: DirectoryOpener;
  #directory = -1;
  #fd = -1;
  #givesLists = false;

  constructor(placement: Placement) {
    this.#placement = placement;
    this.#items = placement.work.items;
    this.#opener = new DirectoryOpener(placement.work.directories, placement.root);
  }

  /** Makes one file with its content and metadata. @throws StrataError as the file system has it */
  place(item: number): void {
    const name = nameOfRow(this.#items, item);
    try {
      const directory = this.#open(this.#items.parent[item] as number);
      if (this.#placement.manner.replaces) makeWay(directory, name);
      if (this.#items.kind[item] === PLAIN_FILE) this.#placeFile(directory, name, item);
      else this.#placeSpecial(directory, name, item);
      this.entries++;
    } catch (error) {
      throw this.#told(error, this.#items.parent[item] as number, name);
    }
  }

  /** {@link place} for a file whose content is not in an open tar. */
  async placeFrom(item: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const name = nameOfRow(this.#items, item);
    try {
      const directory = this.#open(this.#items.parent[item] as number);
      if (this.#placement.manner.replaces) makeWay(directory, name);
      const fd = this.#create(directory, name, item);
      try {
        const size = await this.#writeChunks(fd, item, chunks);
        this.#finishFile(fd, item, size);
      } finally {
        closeSync(fd);
      }
      this.entries++;
    } catch (error) {
      throw this.#told(error, this.#items.parent[item] as number, name);
    }
  }

  /** Gives a file one more name. */
  link({ from, directory, name }: LinkRow): void {
    const { manner } = this.#placement;
    const source =
      typeof from === "number"
        ? { directory: this.#items.parent[from] as number, name: nameOfRow(this.#items, from) }
        : from;
    try {
      const opened = source.directory === directory ? undefined : this.#opener.open(source.directory);
      try {
        const target = this.#open(directory);
        if (manner.replaces) makeWay(target, name);
        makeLinkAt({ directory: opened ?? target, name: source.name }, target, name);
      } finally {
        if (opened !== undefined) closeSync(opened);
      }
      this.entries++;
    } catch (error) {
      throw this.#told(error, directory, name);
    }
  }

  [Symbol.dispose](): void {
    this.#close();
    this.#opener[Symbol.dispose]();
  }

  #close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#directory = -1;
  }

  #placeFile(directory: number, name: ByteString, item: number): void {
    const fd = this.#create(directory, name, item);
    try {
      const size = this.#items.size[item] as number;
      if (size > 0) this.#copy(fd, item, size);
      this.#finishFile(fd, item, size);
    } finally {
      closeSync(fd);
    }
  }

  /** Until it has its owner, nobody else may read what is secret in the image. */
  #create(directory: number, name: ByteString, item: number): number {
    const { manner } = this.#placement;
    const { mode, uid, gid } = this.#items;
    const isOther = needsOwner(manner, uid[item] as number, gid[item] as number);
    return createFileAt(directory, name, isOther ? 0o600 : appliedMode(manner, mode[item] as number, 0o600) & 0o777);
  }

  #copy(fd: number, item: number, size: number): void {
    const layer = this.#items.layer[item] as number;
    const tar = this.#placement.tars[layer];
    if (tar === undefined) throw new TypeError(`layer ${layer} has no open tar`);
    const sparse = this.#items.extras.get(item)?.sparse;
    let from = tar.offset + (this.#items.dataOffset[item] as number);
    for (const { offset, length } of sparse ?? [{ offset: 0, length: size }]) {
      const copied = copyRange({ fd: tar.fd, offset: from }, { fd, offset }, length);
      if (copied < length) throw endsTooEarly(layer);
      from += length;
    }
    if (sparse !== undefined) ftruncateSync(fd, size);
  }

  async #writeChunks(fd: number, item: number, chunks: AsyncIterable<Uint8Array>): Promise<number> {
    const size = this.#items.size[item] as number;
    const sparse = this.#items.extras.get(item)?.sparse;
    const runs = [...(sparse ?? [{ offset: 0, length: size }])].reverse();
    let run = runs.pop();
    let done = 0;
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length && run !== undefined; ) {
        const count = writeSync(fd, chunk, at, Math.min(chunk.length - at, run.length - done), run.offset + done);
        at += count;
        done += count;
        if (done === run.length) [run, done] = [runs.pop(), 0];
      }
    }
    if (run !== undefined && run.length > done) throw endsTooEarly(this.#items.layer[item] as number);
    if (sparse !== undefined) ftruncateSync(fd, size);
    return size;
  }

  /** Owner first, because that clears setuid bits and capabilities; times last. */
  #finishFile(fd: number, item: number, size: number): void {
    const { manner } = this.#placement;
    const { uid, gid, mode } = this.#items;
    const isOther = needsOwner(manner, uid[item] as number, gid[item] as number);
    if (isOther) setOwner(fd, uid[item] as number, gid[item] as number);
    const bits = appliedMode(manner, mode[item] as number, 0o600);
    if (this.#givesLists) dropList(fd);
    if (isOther || this.#givesLists || needsMode(manner, bits)) setMode(fd, bits);
    this.#setAttributes(item, ({ name, value }) => setXattr(fd, name, value));
    setTimes(fd, {
      seconds: this.#items.seconds[item] as number,
      nanoseconds: this.#items.nanoseconds[item] as number,
    });
    this.bytes += size;
  }

  #setAttributes(item: number, set: (attribute: Attribute) => void): void {
    const attributes = this.#items.extras.get(item)?.attributes ?? [];
    for (const attribute of attributes) {
      const reason = tolerate(() => set(attribute));
      if (reason !== undefined) this.#lose("xattr", item, { name: attribute.name, reason });
    }
    if (this.#placement.manner.owners === "apply") return;
    const reason = tolerate(() => set(overrideStat(this.#items, item)));
    if (reason !== undefined) this.#lose("owner", item, { name: "", reason });
  }

  #placeSpecial(directory: number, name: ByteString, item: number): void {
    const { manner } = this.#placement;
    const { kind } = this.#items;
    const isDevice = kind[item] === CHAR_DEVICE || kind[item] === BLOCK_DEVICE;
    if (isDevice && manner.owners === "record") {
      this.#placeFile(directory, name, item);
      return;
    }
    const reason = isDevice ? this.#tryDevice(directory, name, item) : this.#makeSpecial(directory, name, item);
    if (reason !== undefined) {
      this.#lose("device", item, { name: "", reason });
      this.entries--;
      return;
    }
    if (kind[item] !== WHITEOUT) this.#finishSpecial(directory, name, item);
  }

  /** Only who may make devices can: it is told, and the rest of the tree is still good. */
  #tryDevice(directory: number, name: ByteString, item: number): ByteString | undefined {
    try {
      return this.#makeSpecial(directory, name, item);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPERM" || code === "EACCES") return code;
      throw error;
    }
  }

  #makeSpecial(directory: number, name: ByteString, item: number): undefined {
    const { kind, major, minor } = this.#items;
    const device = { major: major[item] as number, minor: minor[item] as number };
    switch (kind[item]) {
      case SYMBOLIC_LINK:
        makeSymlinkAt(directory, name, targetOfRow(this.#items, item));
        break;
      case CHAR_DEVICE:
        makeSpecialFileAt(directory, name, { type: "char", mode: 0o600, ...device });
        break;
      case BLOCK_DEVICE:
        makeSpecialFileAt(directory, name, { type: "block", mode: 0o600, ...device });
        break;
      case PIPE:
        makeSpecialFileAt(directory, name, { type: "fifo", mode: 0o600 });
        break;
      default:
        makeSpecialFileAt(directory, name, { type: "char", mode: 0, major: 0, minor: 0 });
    }
  }

  #finishSpecial(directory: number, name: ByteString, item: number): void {
    const { manner } = this.#placement;
    const [uid, gid] = [this.#items.uid[item] as number, this.#items.gid[item] as number];
    if (needsOwner(manner, uid, gid)) setOwnerAt(directory, name, { uid, gid });
    const hasMode = this.#items.kind[item] !== SYMBOLIC_LINK;
    if (hasMode && this.#givesLists) dropListAt(directory, name);
    if (hasMode) setModeAt(directory, name, appliedMode(manner, this.#items.mode[item] as number, 0o600));
    this.#setAttributes(item, (attribute) => setXattrAt(directory, name, attribute));
    setTimesAt(directory, name, {
      seconds: this.#items.seconds[item] as number,
      nanoseconds: this.#items.nanoseconds[item] as number,
    });
  }

  /** One directory at a time stays open: files come directory by directory. */
  #open(directory: number): number {
    if (directory === this.#directory) return this.#fd;
    this.#close();
    this.#fd = this.#opener.open(directory);
    this.#directory = directory;
    this.#givesLists = givesLists(this.#fd);
    return this.#fd;
  }

  #lose(
    what: "device" | "xattr" | "owner",
    item: number,
    { name, reason }: { name: ByteString; reason: string },
  ): void {
    const { directories } = this.#placement.work;
    const path = joinPath(
      pathOfDirectory(directories, this.#items.parent[item] as number),
      nameOfRow(this.#items, item),
    );
    this.losses.add({ what, path, name, reason });
  }

  #told(error: unknown, directory: number, name: ByteString): unknown {
    return writeError(error, joinPath(pathOfDirectory(this.#placement.work.directories, directory), name));
  }
}

function makeWay(directory: number, name: ByteString): void {
  try {
    unlinkAt(directory, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EISDIR") throw inTheWay(name, "a directory");
    if (code !== "ENOENT") throw error;
  }
}

function endsTooEarly(layer: number): StrataError {
  return new StrataError({
    code: "tar-truncated",
    kind: "malformed",
    message: `The tar of layer ${layer} ends before the data of its files do`,
    details: { layer },
  });
}
