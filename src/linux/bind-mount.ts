import { closeSync } from "node:fs";
import { type ByteString, toText } from "../base/index.ts";
import { assertLinux } from "./libc.ts";
import { attachMount, cloneTree, MOUNT_ATTRIBUTES, setMountAttributes } from "./mount-api.ts";
import { callMount, MOUNT_FLAGS } from "./mount-call.ts";
import { isCallMissing, mountError, mountSentence } from "./mount-error.ts";
import { mountOf } from "./mount-table.ts";
import { unmount } from "./unmount.ts";

const [MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC] = [0x1, 0x20, 0x1000, 0x4000];

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
 * @throws StrataError as `mountFileSystem`
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
    throw mountError(error, mountSentence("bind", source, target), { path: toText(target) });
  }
}

/** Makes the mount at a path read-only or writable, whatever its file system is. @throws StrataError as `mountFileSystem` */
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
  callMount({ source, target, type: "none", flags, data: "" });
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
  const now = (mountOf(target)?.options ?? []).reduce((all, option) => all | (MOUNT_FLAGS.get(option) ?? 0), 0);
  const flags = MS_REMOUNT | MS_BIND | (isReadOnly ? now | MS_RDONLY : now & ~MS_RDONLY);
  callMount({ source: "none", target, type: "none", flags, data: "" });
}
