import { closeSync } from "node:fs";
import { constants } from "node:os";
import { type ByteString, StrataError, toText } from "../base/index.ts";
import { type MountRequest, mountByCall, mountFileSystem, tryMount } from "./mount.ts";
import { openFileSystemContext, setParameter } from "./mount-api.ts";
import { errnoOf, isCallMissing } from "./mount-error.ts";
import { openPath } from "./mount-table.ts";

/** An overlay to be mounted. All paths are directories; links at their ends are followed. */
export interface OverlayRequest {
  /** Topmost first; 500 at most. Without an upper at least two: bind mount a single one instead. */
  readonly lowers: readonly ByteString[];
  /** What is written goes there; without it the overlay is read-only. */
  readonly upper?: ByteString | undefined;
  /** Empty, on the file system of `upper`, and needed with it. */
  readonly work?: ByteString | undefined;
  readonly target: ByteString;
  /** In the words of mount(8): `userxattr`, `volatile`, `ro`, `nosuid` … @see mountFileSystem */
  readonly options?: readonly ByteString[];
}

/** What overlay's own syntax of lists and escapes, or fsconfig(2), does not take as it is. */
const NEEDS_DESCRIPTOR = /[:,\\]|^[^/]|^.{256}/s;
/** OVL_MAX_STACK of the kernel. */
const MOST_LOWERS = 500;
/** Of the page of options that mount(2) reads, what other options are left with being enough. */
const ROOM_FOR_LOWERS = 3500;

/**
 * Mounts an overlay of any directories: their names may have any bytes. Those that the kernel's syntax would not take
 * (`:` `,` `\`, more than 255 bytes) it sees as `/proc/self/fd/N`, and so the mount table shows them.
 *
 * On Linux 6.8 and later 500 lowers of any length. Before that all of them have to fit in a page: about 220.
 * @throws StrataError as {@link mountFileSystem}; `too-few-lowers`, `too-many-lowers`; `mount-options-too-long` on an older
 *   kernel
 */
export function mountOverlay({ target, ...overlay }: OverlayRequest): void {
  assertNumberOfLowers(overlay, target);
  if (!canAppendLowers()) return mountOverlayByCall({ target, ...overlay });
  withDescriptors((fds) => mountFileSystem({ ...requestOf(overlay, appended, fds), target }));
}

/** {@link mountOverlay} through mount(2), for kernels before Linux 6.8. @throws as it */
export function mountOverlayByCall({ target, ...overlay }: OverlayRequest): void {
  withDescriptors((fds) => mountByCall({ ...requestOf(overlay, listed, fds), target }));
}

/** Whether the kernel makes this overlay, as `tryMount`. @throws as {@link mountOverlay}, and `ENOSYS` before Linux 5.2 */
export function tryOverlay(overlay: Overlay): void {
  withDescriptors((fds) => tryMount(requestOf(overlay, canAppendLowers() ? appended : listed, fds)));
}

function withDescriptors(use: (fds: number[]) => void): void {
  const fds: number[] = [];
  try {
    use(fds);
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}

/** The kernel says this to its log and not to us. */
function assertNumberOfLowers({ lowers, upper }: Overlay, target: ByteString): void {
  const details = { path: toText(target) };
  if (lowers.length > MOST_LOWERS) {
    throw new StrataError({
      code: "too-many-lowers",
      kind: "unsupported",
      message: `Cannot mount overlay at "${details.path}": it has ${lowers.length} lowers, and Linux takes ${MOST_LOWERS}`,
      details,
      hint: "Squash layers of the image, or keep it with another driver",
    });
  }
  if (lowers.length >= (upper === undefined ? 2 : 1)) return;
  throw new StrataError({
    code: "too-few-lowers",
    kind: "invalid-argument",
    message: `Cannot mount overlay at "${details.path}": ${lowers.length} lowers, and nothing to lay over them`,
    details,
    hint: "Bind mount a single directory",
  });
}

let isAppendable: boolean | undefined;

/**
 * Whether overlay takes its lowers one by one (`lowerdir+`, Linux 6.8). Also true where overlay cannot be mounted at all:
 * that has its own error. Asked of the kernel once.
 */
export function canAppendLowers(): boolean {
  isAppendable ??= tryToAppend();
  return isAppendable;
}

/** A kernel that knows the word looks for the directory at once; older ones refuse the word, or keep it for later. */
function tryToAppend(): boolean {
  let context: number;
  try {
    context = openFileSystemContext("overlay");
  } catch (error) {
    return !isCallMissing(error);
  }
  try {
    setParameter(context, "lowerdir+", "/proc/self/fd/none");
    return false;
  } catch (error) {
    return errnoOf(error) === constants.errno.ENOENT;
  } finally {
    closeSync(context);
  }
}

type Overlay = Omit<OverlayRequest, "target">;
type LowersWriter = (lowers: readonly ByteString[], fds: number[]) => readonly ByteString[];

function requestOf(overlay: Overlay, writeLowers: LowersWriter, fds: number[]): Omit<MountRequest, "target"> {
  const { lowers, upper, work, options = [] } = overlay;
  const written = [...options, ...writeLowers(lowers, fds)];
  if (upper !== undefined) written.push(`upperdir=${named(upper, fds)}`);
  if (work !== undefined) written.push(`workdir=${named(work, fds)}`);
  return { type: "overlay", source: "overlay", options: written };
}

function appended(lowers: readonly ByteString[], fds: number[]): readonly ByteString[] {
  return lowers.map((lower) => `lowerdir+=${named(lower, fds)}`);
}

/** All in one word, as before `lowerdir+`; if that is too long for a page, by descriptors, which are shorter. */
function listed(lowers: readonly ByteString[], fds: number[]): readonly ByteString[] {
  const list = lowers.map((lower) => named(lower, fds)).join(":");
  const fitting = list.length <= ROOM_FOR_LOWERS ? list : lowers.map((lower) => byDescriptor(lower, fds)).join(":");
  return [`lowerdir=${fitting}`];
}

function named(path: ByteString, fds: number[]): ByteString {
  return NEEDS_DESCRIPTOR.test(path) ? byDescriptor(path, fds) : path;
}

function byDescriptor(path: ByteString, fds: number[]): ByteString {
  const fd = openPath(path);
  fds.push(fd);
  return `/proc/self/fd/${fd}`;
}
