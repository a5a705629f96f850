import { type ByteString, fromText, toText } from "../base/index.ts";
import { isLinux, type MountEntry, mountOf, readMounts } from "../linux/index.ts";
import type { DrivenSnapshot } from "./snapshot-driver.ts";
import { snapshotInUse } from "./snapshot-errors.ts";

/**
 * Makes sure that no mount that this process sees shows a snapshot's directory or something in it, or is made of it.
 * @throws StrataError `snapshot-in-use`
 */
export function assertUnmounted({ directory, info }: DrivenSnapshot, purpose: "commit" | "remove"): void {
  const target = isLinux() ? userOf(fromText(directory), readMounts()) : undefined;
  if (target !== undefined) throw snapshotInUse(info.name, toText(target), purpose);
}

/**
 * Where a mount lies that stands on the directory; undefined when there is none. What the driver itself has mounted, in
 * the directory `mounts` beside `data`, goes with the snapshot.
 */
export function userOf(directory: ByteString, mounts: readonly MountEntry[]): ByteString | undefined {
  const own = `${directory.replace(/\/[^/]*\/[^/]*$/, "")}/mounts/`;
  const below = (path: ByteString): boolean => path === directory || path.startsWith(`${directory}/`);
  const home = mountOfExisting(directory);
  const inner = home === undefined ? undefined : join(home.root, directory.slice(home.mountPoint.length));
  const isOn = (mount: MountEntry): boolean =>
    mount.mountPoint.startsWith(`${directory}/`) ||
    below(mount.source) ||
    (inner !== undefined && mount.device === home?.device && `${mount.root}/`.startsWith(`${inner}/`)) ||
    (mount.type === "overlay" && mount.superOptions.some((option) => pathsOf(option).some(below)));
  return mounts.find((mount) => !mount.mountPoint.startsWith(own) && isOn(mount))?.mountPoint;
}

/** Undefined where there is nothing, as after a loss of power: then nothing stands on it either. */
function mountOfExisting(directory: ByteString): MountEntry | undefined {
  try {
    return mountOf(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The directories in an option such as `lowerdir=/a:/b`. */
function pathsOf(option: ByteString): readonly ByteString[] {
  return option.slice(option.indexOf("=") + 1).split(":");
}

function join(root: ByteString, path: ByteString): ByteString {
  return `${root}/${path}`.replace(/\/{2,}/g, "/").replace(/\/$/, "");
}
