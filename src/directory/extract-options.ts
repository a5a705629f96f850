import type { ByteString } from "../base/index.ts";
import type { LocatedSource } from "../content/index.ts";

/** Where the bytes of a tree's files are. */
export interface ExtractionSource {
  /**
   * The uncompressed tar of a layer, best a local file that tells its location: then other threads copy from it. Called
   * once for each layer that has data, before anything is written; the extraction disposes what it returns.
   */
  openTar(layer: number): Promise<LocatedSource>;
}

/** How deletions are written down. */
export type WhiteoutStyle =
  /** They are carried out: the directory is one that holds the lower layers. */
  | "none"
  /** For an upper directory of overlayfs: devices 0:0 and `trusted.overlay.opaque`; needs root. */
  | "overlay"
  /** For an upper directory of overlayfs mounted with `userxattr`: extended attributes `user.overlay.*` only. */
  | "overlay-user";

/** How a tree is written into a directory. */
export interface ExtractOptions {
  /**
   * `apply` (default): files get their owners, setuid bits and attributes; needs root.
   * `record`: files are the caller's own, and owner, mode and device stand in the extended attribute
   * `user.containers.override_stat`, as fuse-overlayfs and podman read it.
   */
  readonly owners?: "apply" | "record";
  /**
   * Directory that is not empty: `refuse` it (default), or `replace` what has a name of the tree. Nothing that is there
   * is followed. Changes with whiteout style `none` are for a directory that holds the lower layers, whatever this says.
   */
  readonly existing?: "refuse" | "replace";
  /** Whether everything is on the disk when the extraction ends. Default: no. */
  readonly sync?: boolean;
  /** Threads that write files, at most. Default: one for each processor, up to four. */
  readonly threads?: number;
  readonly signal?: AbortSignal | undefined;
}

/** {@link ExtractOptions} for the changes of one layer. */
export interface ExtractChangesOptions extends ExtractOptions {
  /** Default: `none`. */
  readonly whiteouts?: WhiteoutStyle;
}

/** Something of the tree that the directory lacks, and why. */
export interface SkippedPart {
  /**
   * `device`: the node itself; `xattr`: one attribute; `owner`: owner and mode could not be recorded; `whiteout`: a device 0:0;
   * `mount-point`: the attributes of a directory at which something else is mounted.
   */
  readonly what: "device" | "xattr" | "owner" | "whiteout" | "mount-point";
  /** The first path that it happened to. */
  readonly path: ByteString;
  /** The attribute's name; empty for the others. */
  readonly name: ByteString;
  /** Such as `ENOTSUP`. */
  readonly reason: string;
  /** How many files it happened to. */
  readonly count: number;
}

/** What an extraction wrote. */
export interface ExtractReport {
  /** Names that were made: files, directories, further names of hardlinks, whiteouts. */
  readonly entries: number;
  /** Bytes of files' content. */
  readonly bytes: number;
  /** Each kind of loss once. */
  readonly skipped: readonly SkippedPart[];
}
