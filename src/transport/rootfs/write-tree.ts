import {
  chmodSync,
  closeSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { setImmediate } from "node:timers/promises";
import {
  assertNotAborted,
  type ByteSource,
  type ByteString,
  fromText,
  StrataError,
  toBuffer,
  toText,
} from "../../base/index.ts";
import { fileError } from "../../content/index.ts";
import { isLinux, makeSpecialFile, setFileTimes, writeXattr } from "../../linux/index.ts";
import { type FileNode, joinPath, parentOf } from "../../tree/index.ts";
import { createFile, temporaryName, writeContent } from "./write-file.ts";

/** A file to be written. */
export interface TreeMember {
  /** Clean and below the destination; each directory comes before what is in it. */
  readonly path: ByteString;
  readonly node: FileNode;
  /** The bytes of a regular file; the writer disposes them. */
  open(): Promise<ByteSource>;
}

/** What of a tree is written beside names, content, modes and times. */
export interface WriteTreeOptions {
  /** Owners, extended attributes and setuid bits too; needs root. Default: all files are the caller's own. */
  readonly owners?: boolean;
  /** Device nodes too; needs root. Default: they are passed over. */
  readonly devices?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Told of each file that is passed over, or lacks something, and why. */
  readonly onSkip?: ((path: string, reason: string) => void) | undefined;
}

/**
 * Writes files below an existing directory of the host, and never outside of it: whatever is a symlink inside, made by us
 * or there before, is replaced or refused but not followed. Files appear complete; modes, times to the nanosecond and
 * hardlinks among the members are kept.
 *
 * @throws StrataError `in-the-way` where something on the host cannot be replaced, `unsafe-path` for a path that is not
 * clean, and those of the file system
 */
export async function writeTree(
  directory: string,
  members: Iterable<TreeMember>,
  options: WriteTreeOptions = {},
): Promise<void> {
  const writer = new TreeWriter(fromText(directory), options);
  let count = 0;
  for (const member of members) {
    assertNotAborted(options.signal);
    // The calls below are synchronous: signals of the process are heard only in between.
    if (++count % BREATH === 0) await setImmediate();
    await writer.write(member);
  }
  writer.finish();
}

const BREATH = 32;
/** What a file must not have without its owner. */
const SET_ID_BITS = 0o6000;

class TreeWriter {
  readonly #directory: ByteString;
  readonly #options: WriteTreeOptions;
  readonly #directories: TreeMember[] = [];
  /** Where each file with several names was written first. */
  readonly #firstPaths = new Map<number, ByteString>();

  constructor(directory: ByteString, options: WriteTreeOptions) {
    this.#directory = directory;
    this.#options = options;
  }

  async write(member: TreeMember): Promise<void> {
    assertSafe(member.path);
    const target = joinPath(this.#directory, member.path);
    try {
      await this.#writeTo(target, member);
    } catch (error) {
      throw fileError(error, toText(target), "write");
    }
  }

  /** Gives directories their modes and times, now that nothing changes in them any more. */
  finish(): void {
    for (const { path, node } of this.#directories.reverse()) {
      const target = joinPath(this.#directory, path);
      try {
        this.#setMetadata(target, node);
      } catch (error) {
        throw fileError(error, toText(target), "write");
      }
    }
  }

  async #writeTo(target: ByteString, member: TreeMember): Promise<void> {
    const { node } = member;
    if (node.type === "directory") {
      makeDirectory(target);
      this.#directories.push(member);
      return;
    }
    if (this.#isSkipped(target, node)) return;
    assertReplaceable(target);
    const temporary = joinPath(parentOf(target), temporaryName());
    try {
      const first = this.#firstPaths.get(node.inode);
      if (first !== undefined) linkSync(toBuffer(first), toBuffer(temporary));
      else await this.#create(temporary, member);
      renameSync(toBuffer(temporary), toBuffer(target));
      if (node.nlink > 1) this.#firstPaths.set(node.inode, target);
    } finally {
      rmSync(toBuffer(temporary), { force: true });
    }
  }

  async #create(path: ByteString, member: TreeMember): Promise<void> {
    const { node } = member;
    switch (node.type) {
      case "file":
        await this.#createFile(path, member);
        break;
      case "symlink":
        symlinkSync(toBuffer(node.linkTarget), toBuffer(path));
        break;
      default:
        makeSpecialFile(path, { type: node.type as "char" | "block" | "fifo", mode: 0o600, ...node.device });
    }
    this.#setMetadata(path, node);
  }

  async #createFile(path: ByteString, { node, open }: TreeMember): Promise<void> {
    // Until the owner is set, nobody else may read what was secret in the image.
    const file = createFile(toBuffer(path), 0o600);
    try {
      if (node.size === 0) return;
      await using content = await open();
      const { signal } = this.#options;
      await writeContent(file, content.stream(signal === undefined ? {} : { signal }));
    } finally {
      closeSync(file);
    }
  }

  /** Owner first, because a change of owner clears setuid bits and capabilities; times last. */
  #setMetadata(path: ByteString, node: FileNode): void {
    const { owners = false } = this.#options;
    const name = toBuffer(path);
    if (owners) lchownSync(name, node.uid, node.gid);
    if (node.type !== "symlink") chmodSync(name, owners ? node.mode : node.mode & ~SET_ID_BITS);
    if (owners) this.#setXattrs(path, node);
    if (isLinux()) setFileTimes(path, node.mtime, node.mtime);
    else lutimesSync(name, node.mtime.seconds, node.mtime.seconds);
  }

  #setXattrs(path: ByteString, { xattrs }: FileNode): void {
    for (const [name, value] of xattrs) {
      try {
        writeXattr(path, name, value);
      } catch (error) {
        this.#options.onSkip?.(toText(path), `cannot set ${toText(name)}: ${(error as Error).message}`);
      }
    }
  }

  #isSkipped(target: ByteString, { type }: FileNode): boolean {
    const reason = this.#reasonToSkip(type);
    if (reason !== undefined) this.#options.onSkip?.(toText(target), reason);
    return reason !== undefined;
  }

  #reasonToSkip(type: FileNode["type"]): string | undefined {
    if ((type === "char" || type === "block") && this.#options.devices !== true) return `it is a ${type} device`;
    return type === "fifo" && !isLinux() ? "pipes can be made on Linux only" : undefined;
  }
}

/** The tree gives clean paths; this is the last gate before the disk. */
function assertSafe(path: ByteString): void {
  const isSafe = !path.includes("\0") && path.split("/").every((name) => name !== "" && name !== "." && name !== "..");
  if (isSafe) return;
  throw new StrataError({
    code: "unsafe-path",
    kind: "hostile",
    message: `Refusing to write "${toText(path)}": it could lead out of the destination`,
    details: { path: toText(path) },
  });
}

/** Makes a directory, or takes the one that is there if it is a real one. */
function makeDirectory(target: ByteString): void {
  const found = lstatSync(toBuffer(target), { throwIfNoEntry: false });
  if (found === undefined) mkdirSync(toBuffer(target), 0o700);
  else if (!found.isDirectory()) throw inTheWay(target, "not a directory, and links are not followed");
}

function assertReplaceable(target: ByteString): void {
  const found = lstatSync(toBuffer(target), { throwIfNoEntry: false });
  if (found?.isDirectory() === true) throw inTheWay(target, "a directory");
}

function inTheWay(target: ByteString, what: string): StrataError {
  const path = toText(target);
  return new StrataError({
    code: "in-the-way",
    kind: "already-exists",
    message: `Cannot write ${path}: what is there is ${what}`,
    details: { path },
    hint: "Remove it first, or choose another destination",
  });
}
