import { posix } from "node:path";
import { assertNotAborted } from "../base/index.ts";
import type { UnionFs } from "../fs/index.ts";
import { copyIn } from "./edit-files-copy.ts";
import type { EditPath, FileEdit } from "./file-edit.ts";
import { fileEditError } from "./file-edit-error.ts";

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
