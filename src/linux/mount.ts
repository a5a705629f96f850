import { closeSync } from "node:fs";
import { type ByteString, StrataError, toText } from "../base/index.ts";
import { assertLinux } from "./libc.ts";
import {
  attachMount,
  MOUNT_ATTRIBUTES,
  mountContext,
  openFileSystemContext,
  readContextLog,
  setParameter,
} from "./mount-api.ts";
import { callMount, DEFAULT_WORDS, MOUNT_FLAGS } from "./mount-call.ts";
import { isCallMissing, mountError, mountSentence } from "./mount-error.ts";
import { openPath } from "./mount-table.ts";

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

/** fsconfig(2) takes strings of 256 bytes with their NUL. */
const LONGEST_VALUE = 255;
/** mount(2) reads one page of options and silently drops the rest. */
const LONGEST_DATA = 4095;

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
  const data = options.filter((option) => !DEFAULT_WORDS.has(option) && !MOUNT_FLAGS.has(option)).join(",");
  const what = mountSentence(type, source, target);
  if (data.length > LONGEST_DATA) throw optionsTooLong(what, data.length, target);
  const flags = options.reduce((all, option) => all | (MOUNT_FLAGS.get(option) ?? 0), 0);
  try {
    callMount({ source, target, type, flags, data });
  } catch (error) {
    throw mountError(error, what, { path: toText(target) });
  }
}

/**
 * Whether the kernel makes this mount, tried without a place for it: nobody sees it, and it is gone when this returns.
 * @throws as {@link mountFileSystem}; an errno error `ENOSYS` before Linux 5.2
 */
export function tryMount(request: Omit<MountRequest, "target">): void {
  assertLinux();
  mountByContext({ ...request, target: undefined });
}

interface ContextRequest extends Omit<MountRequest, "target"> {
  readonly target: ByteString | undefined;
}

function mountByContext({ type, source, target, options = [] }: ContextRequest): void {
  const fds: number[] = [];
  let context: number | undefined;
  try {
    context = keep(fds, openFileSystemContext(type));
    setParameter(context, "source", shortValue(source, fds));
    for (const option of options) if (!DEFAULT_WORDS.has(option)) configure(context, option, fds);
    const mount = keep(fds, mountContext(context, attributesOf(options)));
    if (target !== undefined) attachMount(mount, target);
  } catch (error) {
    if (isCallMissing(error)) throw error;
    const words = context === undefined ? "" : readContextLog(context);
    throw mountError(error, mountSentence(type, source, target), { path: toText(target ?? source), words });
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

function optionsTooLong(what: string, bytes: number, target: ByteString): StrataError {
  return new StrataError({
    code: "mount-options-too-long",
    kind: "unsupported",
    message: `${what}: its options take ${bytes} bytes, and this kernel takes ${LONGEST_DATA}`,
    details: { path: toText(target) },
    hint: "Linux 6.8 takes any number of layers; on an older kernel squash the image, or unpack it",
  });
}
