import type { ByteString, FileTime } from "../base/index.ts";
import { type EntryType, encodeHeader } from "../tar/index.ts";

/** The time of every entry that does not ask for another: 2020-09-13T12:26:40Z. */
export const SCRIPT_TIME = 1_600_000_000;

/** What an entry may say besides its name and content; owners default to 0, modes to 0755, 0777 (symlinks) and 0644. */
export interface StepAttributes {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds since the epoch, or seconds and nanoseconds; {@link SCRIPT_TIME} by default. */
  readonly mtime?: number | FileTime;
  /** Name to value; the value's characters are bytes. */
  readonly xattrs?: Readonly<Record<string, ByteString>>;
}

/** One entry of a script: a value that can be put into any archive, or stand for a file of an expected tree. */
export interface TarStep {
  readonly type: EntryType;
  /** Written as it is: `./a`, `/a`, `a//b` and `../a` stay what they are. */
  readonly name: ByteString;
  readonly linkName: ByteString;
  readonly content: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: FileTime;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
}

/** A directory; its name is written with one slash at the end. `""` is the root. */
export function dir(name: ByteString, attributes: StepAttributes = {}): TarStep {
  return step("directory", name === "" ? "./" : name.replace(/\/?$/, "/"), { mode: 0o755, ...attributes });
}

/** A regular file. The characters of `content` are bytes. */
export function file(name: ByteString, content: ByteString = "", attributes: StepAttributes = {}): TarStep {
  return { ...step("file", name, attributes), content: Buffer.from(content, "latin1") };
}

/** A symlink; the target is written as it is. */
export function symlink(name: ByteString, target: ByteString, attributes: StepAttributes = {}): TarStep {
  return { ...step("symlink", name, { mode: 0o777, ...attributes }), linkName: target };
}

/** A second name for an entry; `target` counts from the root of the archive. */
export function hardlink(name: ByteString, target: ByteString, attributes: StepAttributes = {}): TarStep {
  return { ...step("hardlink", name, attributes), linkName: target };
}

/** A character device. */
export function char(name: ByteString, device: readonly [number, number], attributes: StepAttributes = {}): TarStep {
  return { ...step("char", name, attributes), devMajor: device[0], devMinor: device[1] };
}

/** A block device. */
export function block(name: ByteString, device: readonly [number, number], attributes: StepAttributes = {}): TarStep {
  return { ...step("block", name, attributes), devMajor: device[0], devMinor: device[1] };
}

/** A named pipe. */
export function fifo(name: ByteString, attributes: StepAttributes = {}): TarStep {
  return step("fifo", name, attributes);
}

/** The marker that removes `path` from the layers below: `a/b` becomes the empty file `a/.wh.b`. */
export function whiteout(path: ByteString): TarStep {
  const name = path.lastIndexOf("/") + 1;
  return file(`${path.slice(0, name)}.wh.${path.slice(name)}`);
}

/** The marker that hides everything the layers below have in `directory` (`""`: in the root). */
export function opaque(directory: ByteString): TarStep {
  return file(directory === "" ? ".wh..wh..opq" : `${directory}/.wh..wh..opq`);
}

/** An archive of the steps in their order, with its end marker. The same steps give the same bytes. */
export function tarScript(...steps: readonly TarStep[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { content, ...entry } of steps) {
    parts.push(encodeHeader({ ...entry, size: content.length }), content, new Uint8Array(-content.length & 511));
  }
  return Buffer.concat([...parts, new Uint8Array(1024)]);
}

function step(type: EntryType, name: ByteString, attributes: StepAttributes): TarStep {
  const { mode = 0o644, uid = 0, gid = 0, mtime = SCRIPT_TIME, xattrs = {} } = attributes;
  return {
    type,
    name,
    linkName: "",
    content: new Uint8Array(),
    mode,
    uid,
    gid,
    mtime: typeof mtime === "number" ? { seconds: mtime, nanoseconds: 0 } : mtime,
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(Object.entries(xattrs).map(([key, value]) => [key, Buffer.from(value, "latin1")])),
  };
}
