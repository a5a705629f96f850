import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { fromText, StrataError } from "../../../base/index.ts";
import { fileError } from "../../../content/index.ts";
import { isMountPoint, type MountEntry, mountOf, unmount } from "../../../linux/index.ts";
import type { MergedImage } from "./merged-image.ts";
import { mountErofs } from "./mount-erofs.ts";

/** Where an image is mounted. */
export interface LowerPlace {
  readonly target: string;
  /** A file that says what was mounted there last. */
  readonly record: string;
}

interface MountRecord {
  /** `major:minor` of the mounted file system. */
  readonly device: string;
  /** Of the image and its devices at that time. */
  readonly stamp: string;
}

/**
 * Mounts an image at its place, unless exactly that is mounted there. The kernel's table is the truth, not the record: what
 * it shows there and is another image, or one of files that have been replaced since, is let go first.
 * @throws StrataError `lower-mount-foreign`; as `mountErofs`
 */
export function ensureMounted(image: MergedImage, { target, record }: LowerPlace): void {
  makeDirectory(target);
  const mounted = mountedAt(target);
  if (mounted !== undefined && isThat(mounted, image, readRecord(record))) return;
  unmountErofs(target);
  mountErofs(image, fromText(target));
  const now: MountRecord = { device: mountedAt(target)?.device ?? "", stamp: image.stamp };
  writeFileSync(record, JSON.stringify(now));
}

/** Unmounts what is mounted at a place, and deletes the place. False when nothing was mounted. */
export function unmountAt(target: string): boolean {
  try {
    const wasMounted = unmountErofs(target);
    rmdirSync(target);
    return wasMounted;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw fileError(error, target, "write");
  }
}

/** Lazily: a process that looks around in there must not keep a snapshot from being removed. */
function unmountErofs(target: string): boolean {
  let wasMounted = false;
  for (let mounted = mountedAt(target); mounted !== undefined; mounted = mountedAt(target)) {
    if (mounted.type !== "erofs") throw foreignMount(target, mounted);
    unmount(fromText(target), { isLazy: true });
    wasMounted = true;
  }
  return wasMounted;
}

function mountedAt(target: string): MountEntry | undefined {
  const path = fromText(target);
  return isMountPoint(path) ? mountOf(path) : undefined;
}

/** Device numbers are used again, but not while the file system that has one is mounted. */
function isThat({ type, device }: MountEntry, image: MergedImage, record: MountRecord | undefined): boolean {
  return type === "erofs" && record?.device === device && record.stamp === image.stamp;
}

/** What a process that was killed left of a record is none. */
function readRecord(path: string): MountRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as MountRecord;
  } catch {
    return undefined;
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(error, path, "write");
  }
}

function foreignMount(path: string, { type, source }: MountEntry): StrataError {
  return new StrataError({
    code: "lower-mount-foreign",
    kind: "failed-precondition",
    message: `Something else is mounted where a snapshot's layers belong: ${type} at ${path}`,
    details: { path, type, source },
    hint: `Find out who mounted it, and unmount it: umount ${path}`,
  });
}
