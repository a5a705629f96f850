import { posix } from "node:path";
import { assertNotAborted } from "../base/index.ts";
import type { ReadFsLike, UnionFs } from "../fs/index.ts";
import { copyIn } from "./edit-files-copy.ts";
import { fileEditError } from "./file-edit-error.ts";

/** A path of an image, from its root; a Buffer where it is not UTF-8. */
export type EditPath = string | Buffer;

/**
 * One change of files, as a value. Parents that are missing are made (0755, 0:0); symlinks in parents are followed inside the image.
 * - `remove`: a path with all below it; one that is not there fails with `path-not-found` unless `force`
 * - `copy-in`: a file or a directory with all below it, from any file system that can be read. A directory is laid over one
 *   that is there, whose own metadata stays; a file goes into a directory that is there, or where `path` ends in a slash.
 *   Modes, times, content (holes stay holes), symlinks, hardlinks, `user.*` and capabilities are kept; it belongs to `uid` and `gid`, 0 by
 *   default. Sockets are left out.
 * - `write`: a regular file, made or replaced; its mode 0644 when it is new, unless given
 * - `make-directory`: nothing when it is there already, save its mode where one is given
 * - `symlink`: fails with `in-the-way` where something is
 * - `chmod`: what a symlink leads to; `chown`: the symlink itself
 */
export type FileEdit =
  | { readonly kind: "remove"; readonly path: EditPath; readonly force?: boolean | undefined }
  | {
      readonly kind: "copy-in";
      readonly from: ReadFsLike;
      /** Absolute in `from`, without symlinks on its way. */
      readonly source: EditPath;
      readonly path: EditPath;
      readonly uid?: number | undefined;
      readonly gid?: number | undefined;
    }
  | {
      readonly kind: "write";
      readonly path: EditPath;
      readonly data: string | Uint8Array;
      readonly mode?: number | undefined;
    }
  | { readonly kind: "make-directory"; readonly path: EditPath; readonly mode?: number | undefined }
  | { readonly kind: "symlink"; readonly path: EditPath; readonly target: EditPath }
  | { readonly kind: "chmod"; readonly path: EditPath; readonly mode: number }
  | { readonly kind: "chown"; readonly path: EditPath; readonly uid: number; readonly gid: number };

/**
 * Does the edits one after the other. For `editFiles`: when one fails, nothing of any is in the image.
 * @throws StrataError naming the path: `path-not-found`, `in-the-way`, `too-many-links`, `root-not-removable`, `invalid-path`; of what is
 *   copied `file-not-found`, `permission-denied` and as `fileError`; `aborted`
 */
export async function applyFileEdits(
  fs: UnionFs,
  edits: readonly FileEdit[],
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  for (const edit of edits) {
    assertNotAborted(signal);
    try {
      await applyOne(fs, edit, signal);
    } catch (error) {
      throw fileEditError(error, edit);
    }
  }
}

async function applyOne(fs: UnionFs, edit: FileEdit, signal: AbortSignal | undefined): Promise<void> {
  switch (edit.kind) {
    case "remove":
      return await fs.rm(edit.path, { recursive: true, force: edit.force === true });
    case "copy-in":
      return await copyIn(fs, edit, signal);
    case "write":
      await makeParents(fs, edit.path);
      await fs.writeFile(edit.path, edit.data);
      if (edit.mode !== undefined) await fs.chmod(edit.path, edit.mode);
      return;
    case "make-directory":
      await fs.mkdir(edit.path, { recursive: true });
      if (edit.mode !== undefined) await fs.chmod(edit.path, edit.mode);
      return;
    case "symlink":
      await makeParents(fs, edit.path);
      return await fs.symlink(edit.target, edit.path);
    case "chmod":
      return await fs.chmod(edit.path, edit.mode);
    case "chown":
      return await fs.lchown(edit.path, edit.uid, edit.gid);
  }
}

/** Makes the directories above a path that are missing. */
async function makeParents(fs: UnionFs, path: EditPath): Promise<void> {
  const parent = posix.dirname(Buffer.from(path).toString("latin1"));
  if (parent !== "." && parent !== "/") await fs.mkdir(Buffer.from(parent, "latin1"), { recursive: true });
}
