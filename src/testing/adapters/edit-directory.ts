import {
  chmodSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { type ByteString, toBuffer } from "../../base/index.ts";
import { writeXattr } from "../../linux/index.ts";
import type { TarStep } from "../tar-script.ts";

/** Something done to a directory that no step of an archive says. */
export type DirectoryEdit =
  | { readonly kind: "remove"; readonly path: ByteString }
  | { readonly kind: "rename"; readonly path: ByteString; readonly to: ByteString }
  | { readonly kind: "chmod"; readonly path: ByteString; readonly mode: number }
  | { readonly kind: "chown"; readonly path: ByteString; readonly uid: number; readonly gid: number };

/** Removes a file, or a directory with all below it. */
export function remove(path: ByteString): DirectoryEdit {
  return { kind: "remove", path };
}

/** Renames a file or directory. */
export function rename(path: ByteString, to: ByteString): DirectoryEdit {
  return { kind: "rename", path, to };
}

/** Changes the mode alone. `""` is the directory itself. */
export function chmod(path: ByteString, mode: number): DirectoryEdit {
  return { kind: "chmod", path, mode };
}

/** Changes the owner alone; a symlink's own. */
export function chown(path: ByteString, uid: number, gid: number): DirectoryEdit {
  return { kind: "chown", path, uid, gid };
}

/**
 * Does to a directory what the steps say, one after the other: a step of an archive makes or overwrites its file, with its
 * mode, owner (for root only), attributes and time; an edit changes what is there. Links of the directory are followed as
 * any program would. @throws what Node throws
 */
export function editDirectory(directory: string, ...steps: readonly (TarStep | DirectoryEdit)[]): void {
  for (const step of steps) {
    const place = (path: ByteString): Buffer => Buffer.concat([Buffer.from(`${directory}/`), toBuffer(path)]);
    if ("kind" in step) edit(step, place);
    else write(step, place);
  }
}

type Place = (path: ByteString) => Buffer;

function edit(step: DirectoryEdit, place: Place): void {
  const path = place(step.path);
  switch (step.kind) {
    case "remove":
      // Only text is taken there.
      rmSync(path.toString(), { recursive: true });
      return;
    case "rename":
      renameSync(path, place(step.to));
      return;
    case "chmod":
      chmodSync(path, step.mode);
      return;
    case "chown":
      lchownSync(path, step.uid, step.gid);
  }
}

function write(step: TarStep, place: Place): void {
  const path = place(step.name.replace(/\/$/, ""));
  if (step.type === "hardlink") return linkSync(place(step.linkName), path);
  make(step, path);
  // Whoever is not root owns what he makes, and nothing else can be asked for.
  if (step.uid !== 0 || step.gid !== 0) lchownSync(path, step.uid, step.gid);
  if (step.type !== "symlink") chmodSync(path, step.mode);
  for (const [name, value] of step.xattrs) writeXattr(path.toString("latin1"), name, value);
  lutimesSync(path, step.mtime.seconds, step.mtime.seconds);
}

function make(step: TarStep, path: Buffer): void {
  switch (step.type) {
    case "directory":
      mkdirSync(path, { recursive: true });
      return;
    case "file":
      writeFileSync(path, step.content);
      return;
    case "symlink":
      symlinkSync(toBuffer(step.linkName), path);
      return;
    default:
      throw new Error(`Nobody needed a ${step.type} in a directory yet`);
  }
}
