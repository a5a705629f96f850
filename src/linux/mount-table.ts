import { closeSync, constants, openSync, readFileSync, readlinkSync } from "node:fs";
import { type ByteString, fromBuffer, toBuffer } from "../base/index.ts";
import { assertDone, assertLinux, cString, libcFunction } from "./libc.ts";

/** A mount of this process's mount namespace: a line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)). */
export interface MountEntry {
  /** Unique while it is mounted, used again later. */
  readonly id: number;
  readonly parentId: number;
  /** `major:minor` of the file system, as `stat` gives it for its files. */
  readonly device: string;
  /** The directory of the file system that is mounted; `/` unless it is a bind mount. */
  readonly root: ByteString;
  readonly mountPoint: ByteString;
  /** Of this mount: `ro`, `nosuid` … */
  readonly options: readonly ByteString[];
  /** `ext4`, `overlay`, `fuse.sshfs` … */
  readonly type: ByteString;
  readonly source: ByteString;
  /** Of the file system. Commas within values are indistinguishable from those between them, unless the file system escapes. */
  readonly superOptions: readonly ByteString[];
}

/** All mounts that this process sees, in the kernel's order: of two at one place the later one is on top. */
export function readMounts(): readonly MountEntry[] {
  return parseMountInfo(readTable());
}

/** The mounts in the text of a `mountinfo` file, its escapes undone. */
export function parseMountInfo(text: ByteString): readonly MountEntry[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(parseLine);
}

/**
 * The mount that a path lies on; links are not followed at its end. Undefined when it cannot be seen from here: it is out
 * of the process's root directory, or it was unmounted lazily.
 * @throws an errno error as Node's: `ENOENT`, `EACCES` …
 */
export function mountOf(path: ByteString): MountEntry | undefined {
  return withPathOpen(path, (fd) => entryOf(fd));
}

const callStatx = libcFunction<[number, Buffer, number, number, Buffer]>(
  "int statx(int directory, const void *path, int flags, unsigned int mask, void *answer)",
);
const [AT_FDCWD, AT_SYMLINK_NOFOLLOW, AT_NO_AUTOMOUNT] = [-100, 0x100, 0x800];
/** In struct statx, of 256 bytes: what the file has of attributes, and which the file system and the kernel know. */
const [STATX_SIZE, ATTRIBUTES_OFFSET, KNOWN_OFFSET] = [256, 8, 56];
const STATX_ATTR_MOUNT_ROOT = 0x2000n;

/** Whether something is mounted at just this path, bind mounts too. A link to a mount point is none. @throws as {@link mountOf} */
export function isMountPoint(path: ByteString): boolean {
  assertLinux();
  const answer = Buffer.alloc(STATX_SIZE);
  const done = callStatx(AT_FDCWD, cString(path), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, answer);
  assertDone(done, "statx", path);
  const [attributes, known] = [wordAt(answer, ATTRIBUTES_OFFSET), wordAt(answer, KNOWN_OFFSET)];
  return (known & STATX_ATTR_MOUNT_ROOT) === 0n ? isInTable(path) : (attributes & STATX_ATTR_MOUNT_ROOT) !== 0n;
}

/** As the machine orders bytes. */
function wordAt(answer: Buffer, offset: number): bigint {
  return new BigUint64Array(Uint8Array.from(answer.subarray(offset, offset + 8)).buffer)[0] ?? 0n;
}

/** Before Linux 5.8. */
function isInTable(path: ByteString): boolean {
  return withPathOpen(path, (fd) => {
    const resolved = fromBuffer(readlinkSync(`/proc/self/fd/${fd}`, "buffer"));
    return entryOf(fd)?.mountPoint === resolved;
  });
}

const O_PATH = 0o10_000_000;

/** Opens a path without access to what it names (O_PATH), and closes it afterwards. */
function withPathOpen<Result>(path: ByteString, use: (fd: number) => Result): Result {
  const fd = openPath(path, constants.O_NOFOLLOW);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/** Opens a path without access to what it names (O_PATH); links are followed unless `flags` says no. The caller closes it. */
export function openPath(path: ByteString, flags = 0): number {
  assertLinux();
  cString(path);
  return openSync(toBuffer(path), O_PATH | flags);
}

function entryOf(fd: number): MountEntry | undefined {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, "latin1");
  const id = /^mnt_id:\s*(\d+)/m.exec(info)?.[1];
  const table = `\n${readTable()}`;
  const start = table.indexOf(`\n${id} `);
  return start < 0 ? undefined : parseLine(table.slice(start + 1, table.indexOf("\n", start + 1)));
}

function readTable(): ByteString {
  assertLinux();
  return readFileSync("/proc/self/mountinfo", "latin1");
}

/** `36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw,errors=continue`: fields before the hyphen vary in number. */
function parseLine(line: ByteString): MountEntry {
  const separator = line.indexOf(" - ");
  const [id, parentId, device, root, mountPoint, options] = line.slice(0, separator).split(" ");
  const [type, source, superOptions] = line.slice(separator + 3).split(" ");
  return {
    id: Number(id),
    parentId: Number(parentId),
    device: device ?? "",
    root: unescapeOctal(root),
    mountPoint: unescapeOctal(mountPoint),
    options: listed(options),
    type: unescapeOctal(type),
    source: unescapeOctal(source),
    superOptions: listed(superOptions),
  };
}

function listed(options: ByteString | undefined): readonly ByteString[] {
  return options === undefined || options === "" ? [] : options.split(",").map(unescapeOctal);
}

function unescapeOctal(field: ByteString | undefined): ByteString {
  return (field ?? "").replace(/\\([0-3][0-7]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
