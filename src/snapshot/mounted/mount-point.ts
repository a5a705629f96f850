import { readFile, realpath, stat } from "node:fs/promises";
import { fromText, StrataError, toText } from "../../base/index.ts";
import { fileError } from "../../content/index.ts";
import { type MountEntry, mountOf } from "../../linux/index.ts";

/**
 * The place where something shall be mounted, without links in its path, as mount tables tell it.
 * @throws StrataError `mount-point-missing`, `not-a-directory`; as `fileError`
 */
export async function resolveMountPoint(target: string): Promise<string> {
  try {
    const path = await realpath(target);
    if ((await stat(path)).isDirectory()) return path;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw mountPointMissing(target);
    throw fileError(error, target);
  }
  throw new StrataError({
    code: "not-a-directory",
    kind: "invalid-argument",
    message: `${target} is no directory: nothing can be mounted there`,
    details: { path: target },
  });
}

/**
 * Names one mount for good, across processes and restarts of the machine: where it is, which file system it shows, its
 * number in the mount table, and the boot in which all this is true.
 */
export async function mountMark({ id, device, mountPoint }: MountEntry): Promise<string> {
  return [await bootId(), id, device, toText(mountPoint)].join(" ");
}

/** The mount on top at that place. Undefined where nothing is mounted at just this path. */
export function mountAt(path: string): MountEntry | undefined {
  try {
    const entry = mountOf(fromText(path));
    return entry !== undefined && toText(entry.mountPoint) === path ? entry : undefined;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw fileError(error, path);
  }
}

async function bootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

function mountPointMissing(target: string): StrataError {
  return new StrataError({
    code: "mount-point-missing",
    kind: "not-found",
    message: `There is no directory ${target} to mount on`,
    details: { path: target },
    hint: `mkdir -p ${target}`,
  });
}
