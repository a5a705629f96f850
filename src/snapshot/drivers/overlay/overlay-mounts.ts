import type { Mount } from "../../snapshotter.ts";

/** What an overlay snapshot is mounted from. */
export interface OverlayParts {
  /** Nearest parent first. */
  readonly lowers: readonly string[];
  /** Of an active snapshot; a view has none, unless it began empty. */
  readonly upper: string | undefined;
  readonly work: string | undefined;
  readonly isReadOnly: boolean;
  /** Whether overlayfs's marks are in `user.overlay.*`, as in a user namespace. */
  readonly usesUserXattrs: boolean;
}

/**
 * How to mount a snapshot: what has one directory only is bound, anything else is an overlay.
 *
 * Directories in the options are separated and escaped as overlayfs wants it: `\` before `:`, `,` and `\`. `index=off`, so
 * that snapshots may be copied and moved; `metacopy` and `redirect_dir` off, because parents are shared: an upper directory
 * must not lean on where something lies in them.
 */
export function overlayMounts({ lowers, upper, work, isReadOnly, usesUserXattrs }: OverlayParts): readonly Mount[] {
  const directories = [...(upper === undefined ? [] : [upper]), ...lowers];
  if (directories.length === 1) {
    const source = directories[0] as string;
    return [{ type: "bind", source, options: [isReadOnly ? "ro" : "rw", "rbind"] }];
  }
  const writable =
    upper === undefined || work === undefined ? ["ro"] : [`workdir=${escaped(work)}`, `upperdir=${escaped(upper)}`];
  // With `userxattr` the other two are off by themselves, and older kernels refuse to be told.
  const marks = usesUserXattrs ? ["userxattr"] : ["metacopy=off", "redirect_dir=nofollow"];
  const options = ["index=off", ...marks, ...writable, `lowerdir=${lowers.map(escaped).join(":")}`];
  return [{ type: "overlay", source: "overlay", options }];
}

/** A directory as a value in the options of an overlay. */
export function escaped(path: string): string {
  return path.replace(/[\\:,]/g, "\\$&");
}
