import { closeSync } from "node:fs";
import { type ByteString, StrataError, toText } from "../base/index.ts";
import { assertDone, assertLinux, cString, libcFunction } from "./libc.ts";
import {
  attachMount,
  cloneTree,
  MOUNT_ATTRIBUTES,
  mountContext,
  openFileSystemContext,
  readContextLog,
  setMountAttributes,
  setParameter,
} from "./mount-api.ts";
import { isCallMissing, mountError } from "./mount-error.ts";
import { mountOf, openPath } from "./mount-table.ts";

/** A file system to be mounted. */
export interface MountRequest {
  /** As the kernel calls it: `erofs`, `overlay`, `tmpfs`. */
  readonly type: ByteString;
  /** A device, a file, or for file systems without any a word for the mount table. */
  readonly source: ByteString;
  /** An existing directory; links are followed, as mount(8) does. */
  readonly target: ByteString;
  /**
   * In the words of mount(8), one option an element: `ro`, `nosuid`, `nodev`, `noexec`, `noatime` … are for the mount,
   * all others (`device=/x`, `size=1m`) for the file system. Values are taken as they are: commas, colons, backslashes and
   * spaces need no escape here, save where the file system's own words do (`lowerdir=a:b`). A path of more than 255 bytes
   * is handed over as an open file; then the mount table shows `/proc/self/fd/N`.
   */
  readonly options?: readonly ByteString[];
}

/** Flags of mount(2), of a mount and of a file system: the words that are not passed on as text. */
const FLAGS: ReadonlyMap<ByteString, number> = new Map([
  ["ro", 0x1],
  ["nosuid", 0x2],
  ["nodev", 0x4],
  ["noexec", 0x8],
  ["sync", 0x10],
  ["dirsync", 0x80],
  ["noatime", 0x400],
  ["nodiratime", 0x800],
  ["relatime", 0x200_000],
  ["strictatime", 0x1_000_000],
  ["lazytime", 0x2_000_000],
  ["silent", 0x8000],
]);
/** The opposite of a flag: nothing has to be done. */
const DEFAULTS = new Set<ByteString>(["rw", "suid", "dev", "exec", "async", "atime", "diratime", "defaults"]);
const [MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC] = [0x1, 0x20, 0x1000, 0x4000];
const [MNT_DETACH, UMOUNT_NOFOLLOW] = [2, 8];
/** fsconfig(2) takes strings of 256 bytes with their NUL. */
const LONGEST_VALUE = 255;
/** mount(2) reads one page of options and silently drops the rest. */
const LONGEST_DATA = 4095;

const callMount = libcFunction<[Buffer, Buffer, Buffer, number, Buffer]>(
  "int mount(const void *source, const void *target, const void *type, unsigned long flags, const void *data)",
);
const callUnmount = libcFunction<[Buffer, number]>("int umount2(const void *target, int flags)");

/**
 * Mounts a file system: through the file descriptors of the new mount API (Linux 5.2), so that options of any number and
 * length fit and the kernel's own words are in the error; where that is missing through mount(2).
 *
 * @throws StrataError with `details.path`, `details.errno` and where there is one `details.kernel`, the kernel's message:
 *   `mount-not-permitted`, `unknown-file-system`, `mount-needs-device` (an image file on a kernel that wants a loop
 *   device), `mount-busy` (an upper or work directory in use), `mount-path-missing`, `mount-options-too-long`,
 *   `mount-refused` for all else
 */
export function mountFileSystem(request: MountRequest): void {
  assertLinux();
  try {
    mountByContext(request);
  } catch (error) {
    if (!isCallMissing(error)) throw error;
    mountByCall(request);
  }
}

/** {@link mountFileSystem} through mount(2) alone. @throws as it */
export function mountByCall({ type, source, target, options = [] }: MountRequest): void {
  const data = options.filter((option) => !DEFAULTS.has(option) && !FLAGS.has(option)).join(",");
  const what = sentence(type, source, target);
  if (data.length > LONGEST_DATA) throw optionsTooLong(what, data.length, target);
  const flags = options.reduce((all, option) => all | (FLAGS.get(option) ?? 0), 0);
  try {
    assertDone(callMount(cString(source), cString(target), cString(type), flags, cString(data)), "mount", target);
  } catch (error) {
    throw mountError(error, what, { path: toText(target) });
  }
}

/** A bind mount to be made. */
export interface BindRequest {
  /** A directory or a file; links are followed. */
  readonly source: ByteString;
  /** Of the same kind; links are followed. */
  readonly target: ByteString;
  readonly isReadOnly?: boolean;
  /** With all mounts beneath the source; `isReadOnly` is then for all of them. */
  readonly isRecursive?: boolean;
}

/**
 * Shows a directory or file at a second place. A read-only one is never writable, not for a moment, from Linux 5.12 on.
 * @throws StrataError as {@link mountFileSystem}
 */
export function bindMount({ source, target, isReadOnly = false, isRecursive = false }: BindRequest): void {
  assertLinux();
  try {
    try {
      bindByTree({ source, target, isReadOnly, isRecursive });
    } catch (error) {
      if (!isCallMissing(error)) throw error;
      bindByCall({ source, target, isReadOnly, isRecursive });
    }
  } catch (error) {
    throw mountError(error, sentence("bind", source, target), { path: toText(target) });
  }
}

/** Makes the mount at a path read-only or writable, whatever its file system is. @throws StrataError as {@link mountFileSystem} */
export function setMountReadOnly(target: ByteString, isReadOnly: boolean): void {
  assertLinux();
  const change = isReadOnly ? { set: MOUNT_ATTRIBUTES.ro } : { clear: MOUNT_ATTRIBUTES.ro };
  try {
    try {
      setMountAttributes({ path: target }, change);
    } catch (error) {
      if (!isCallMissing(error)) throw error;
      remount(target, isReadOnly);
    }
  } catch (error) {
    throw mountError(error, `Cannot change the mount at "${toText(target)}"`, { path: toText(target) });
  }
}

/** How something is unmounted. */
export interface UnmountOptions {
  /** Out of sight at once, gone when its last user is: for mounts that may be busy and must not stand in the way. */
  readonly isLazy?: boolean;
}

/**
 * Unmounts what is on top at a path. A link is not followed: a name that somebody exchanged for a link unmounts nothing.
 * @throws StrataError `not-mounted` when nothing is mounted there, `mount-busy`, `mount-not-permitted`,
 *   `mount-path-missing`, `mount-refused`
 */
export function unmount(target: ByteString, { isLazy = false }: UnmountOptions = {}): void {
  assertLinux();
  const what = `Cannot unmount "${toText(target)}"`;
  try {
    assertDone(callUnmount(cString(target), UMOUNT_NOFOLLOW | (isLazy ? MNT_DETACH : 0)), "umount2", target);
  } catch (error) {
    // EINVAL has other causes as well; for a mount of somebody else's namespace the words are as true.
    if (error instanceof Error && "code" in error && error.code === "EINVAL") throw notMounted(what, target, error);
    throw mountError(error, what, { path: toText(target) });
  }
}

function mountByContext({ type, source, target, options = [] }: MountRequest): void {
  const fds: number[] = [];
  let context: number | undefined;
  try {
    context = keep(fds, openFileSystemContext(type));
    setParameter(context, "source", shortValue(source, fds));
    for (const option of options) if (!DEFAULTS.has(option)) configure(context, option, fds);
    attachMount(keep(fds, mountContext(context, attributesOf(options))), target);
  } catch (error) {
    if (isCallMissing(error)) throw error;
    const words = context === undefined ? "" : readContextLog(context);
    throw mountError(error, sentence(type, source, target), { path: toText(target), words });
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}

/** What a mount has is told to fsmount(2), save that a file system itself may be read-only too. */
function configure(context: number, option: ByteString, fds: number[]): void {
  if (option in MOUNT_ATTRIBUTES && option !== "ro") return;
  if (option === "relatime" || option === "silent") return;
  const equals = option.indexOf("=");
  if (equals < 0) return setParameter(context, option, undefined);
  setParameter(context, option.slice(0, equals), shortValue(option.slice(equals + 1), fds));
}

function attributesOf(options: readonly ByteString[]): number {
  const attributes: Readonly<Record<string, number>> = MOUNT_ATTRIBUTES;
  return options.reduce((all, option) => all | (attributes[option] ?? 0), 0);
}

/** A path that does not fit is opened and named by its descriptor, which `fds` keeps until it is used. */
function shortValue(value: ByteString, fds: number[]): ByteString {
  if (value.length <= LONGEST_VALUE || !value.startsWith("/")) return value;
  return `/proc/self/fd/${keep(fds, openPath(value))}`;
}

function keep(fds: number[], fd: number): number {
  fds.push(fd);
  return fd;
}

function bindByTree({ source, target, isReadOnly, isRecursive }: Required<BindRequest>): void {
  const tree = cloneTree(source, isRecursive);
  try {
    if (isReadOnly) setMountAttributes({ fd: tree }, { set: MOUNT_ATTRIBUTES.ro, isRecursive });
    attachMount(tree, target);
  } finally {
    closeSync(tree);
  }
}

function bindByCall({ source, target, isReadOnly, isRecursive }: Required<BindRequest>): void {
  const flags = MS_BIND | (isRecursive ? MS_REC : 0);
  assertDone(callMount(cString(source), cString(target), cString("none"), flags, cString("")), "mount", target);
  if (!isReadOnly) return;
  try {
    remount(target, true);
  } catch (error) {
    unmount(target);
    throw error;
  }
}

/** All flags of a mount have to be said again, or they are lost. */
function remount(target: ByteString, isReadOnly: boolean): void {
  const now = (mountOf(target)?.options ?? []).reduce((all, option) => all | (FLAGS.get(option) ?? 0), 0);
  const flags = MS_REMOUNT | MS_BIND | (isReadOnly ? now | MS_RDONLY : now & ~MS_RDONLY);
  assertDone(callMount(cString("none"), cString(target), cString("none"), flags, cString("")), "mount", target);
}

function sentence(type: ByteString, source: ByteString, target: ByteString): string {
  const what = source === type || source === "none" ? "" : ` "${toText(source)}"`;
  return `Cannot mount ${toText(type)}${what} at "${toText(target)}"`;
}

function optionsTooLong(what: string, bytes: number, target: ByteString): StrataError {
  return new StrataError({
    code: "mount-options-too-long",
    kind: "unsupported",
    message: `${what}: its options take ${bytes} bytes, and this kernel takes ${LONGEST_DATA}`,
    details: { path: toText(target) },
    hint: "Linux 6.8 takes any number of layers; on an older kernel squash the image, or unpack it",
  });
}

function notMounted(what: string, target: ByteString, cause: unknown): StrataError {
  return new StrataError({
    code: "not-mounted",
    kind: "failed-precondition",
    message: `${what}: nothing is mounted there`,
    details: { path: toText(target) },
    cause,
  });
}
