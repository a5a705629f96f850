import type { ReadFsLike } from "../fs/index.ts";

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
