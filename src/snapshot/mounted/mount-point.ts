import { createHash } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { fromText, StrataError, toText } from "../../base/index.ts";
import { fileError } from "../../content/index.ts";
import { type MountEntry, mountOf, readMounts } from "../../linux/index.ts";

/**
 * The place where something shall be mounted, without links in its path, as mount tables tell it.
 * @throws StrataError `mount-point-missing`, `not-a-directory`; as `fileError`
 */
export function resolveMountPoint(target: string): string {
  try {
    const path = realpathSync.native(target);
    if (statSync(path).isDirectory()) return path;
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

/** Names one mount for good, across processes, mount namespaces and restarts of the machine. */
export interface MountMark {
  /** The boot in which all this is true. */
  readonly boot: string;
  /** The mount namespace in which it is, as `/proc/PID/ns/mnt` names it. */
  readonly namespace: string;
  /** Its number in the mount table, which another gets after it, what it shows, and where. */
  readonly mount: string;
}

/** The mark of a mount that this process sees. */
export function mountMark(entry: MountEntry): MountMark {
  const { id, device, mountPoint } = entry;
  const [boot, namespace] = [bootId(), ownNamespace()];
  return { boot, namespace, mount: `${id} ${device} ${shownBy(entry)} ${toText(mountPoint)}` };
}

const DIGITS = 16;

/** The directories that a mount is made of, as a short text: numbers of mounts and devices are soon used again. */
function shownBy({ type, root, source, superOptions }: MountEntry): string {
  const directories = superOptions.filter((option) => /^[a-z]+dir\+?=/.test(option));
  const text = [type, root, source, ...directories].join("\0");
  return createHash("sha256").update(text, "latin1").digest("hex").slice(0, DIGITS);
}

/** What became of a mount: `covered` when it is there and another one hides it, `gone` when it is not. */
export type MountState = "mounted" | "covered" | "gone";

/**
 * What became of a mount. In another namespace it is there, as far as can be seen from here, while a process lives there.
 * @param path where it was made
 */
export function stateOfMount(path: string, { boot, namespace, mount }: MountMark): MountState {
  if (boot !== bootId()) return "gone";
  if (namespace !== ownNamespace()) return hasProcesses(namespace) ? "mounted" : "gone";
  const isIt = (entry: MountEntry): boolean => mountMark(entry).mount === mount;
  const top = mountAt(path);
  if (top !== undefined && isIt(top)) return "mounted";
  for (const entry of readMounts()) if (toText(entry.mountPoint) === path && isIt(entry)) return "covered";
  return "gone";
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

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

function ownNamespace(): string {
  return readlinkSync("/proc/self/ns/mnt");
}

/** Of all that this user may ask; those whom it may not ask do not live in namespaces of its own. */
function hasProcesses(namespace: string): boolean {
  return readdirSync("/proc").some((name) => /^\d+$/.test(name) && isProcessIn(name, namespace));
}

function isProcessIn(pid: string, namespace: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`) === namespace;
  } catch {
    return false;
  }
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
