import type { ByteString } from "../base/index.ts";
import type { TarEntry } from "../tar/index.ts";

/** What union mounts note of a file in extended attributes (kernel Documentation/filesystems/overlayfs.rst). */
export interface OverlayNotes {
  /** Of a directory: nothing below it shows. */
  readonly isOpaque: boolean;
  /** Of an empty file: it stands for a deletion. */
  readonly isWhiteout: boolean;
  /** What it is called in the layers below (`redirect_dir`): a name, or a path from the root that begins with a slash. */
  readonly redirect: ByteString | undefined;
  /** Of a regular file: its data is in a layer below. */
  readonly isMetacopy: boolean;
  /** Of a file with several names: other names of it below mean this one (`index`). */
  readonly isIndexed: boolean;
}

/** Where notes are looked for. */
export interface NotePlaces {
  /** The mount noted what it had to in `trusted.overlay.*` and nowhere else. Default: it may have been any. */
  readonly isTrustedOnly?: boolean | undefined;
}

interface Patterns {
  /** No part of the image. */
  readonly plumbing: RegExp;
  readonly opaque: RegExp;
  readonly whiteout: RegExp;
  readonly redirect: RegExp;
  readonly metacopy: RegExp;
  readonly indexed: RegExp;
  /** What stands for a note that is part of the tree: an overlay inside of an overlay has its own (Linux 6.7). */
  readonly escaped: RegExp;
}

/** Of anybody: whoever finds a directory does not know how it was mounted. */
const ANYBODY: Patterns = {
  plumbing: /^(?:trusted|user|security)\.overlay\.|^user\.fuseoverlayfs\.|^user\.containers\.override_stat$/,
  opaque: /^(?:(?:trusted|user)\.overlay|user\.fuseoverlayfs)\.opaque$/,
  whiteout: /^(?:trusted|user)\.overlay\.whiteout$/,
  redirect: /^(?:trusted|user)\.overlay\.redirect$/,
  metacopy: /^(?:trusted|user)\.overlay\.metacopy$/,
  indexed: /^(?:trusted|user)\.overlay\.nlink$/,
  escaped: /^(trusted|user)\.overlay\.overlay\./,
};
/** Of an overlay that was mounted without `userxattr`: all that users can set belongs to the files. */
const TRUSTED: Patterns = {
  plumbing: /^trusted\.overlay\./,
  opaque: /^trusted\.overlay\.opaque$/,
  whiteout: /^trusted\.overlay\.whiteout$/,
  redirect: /^trusted\.overlay\.redirect$/,
  metacopy: /^trusted\.overlay\.metacopy$/,
  indexed: /^trusted\.overlay\.nlink$/,
  escaped: /^(trusted)\.overlay\.overlay\./,
};
const NO_NOTES: OverlayNotes = {
  isOpaque: false,
  isWhiteout: false,
  redirect: undefined,
  isMetacopy: false,
  isIndexed: false,
};

/** What is noted of a file. */
export function overlayNotesOf({ type, size, xattrs }: TarEntry, { isTrustedOnly = false }: NotePlaces): OverlayNotes {
  if (xattrs === undefined) return NO_NOTES;
  const { opaque, whiteout, redirect, metacopy, indexed } = isTrustedOnly ? TRUSTED : ANYBODY;
  const noted = (pattern: RegExp): ByteString | undefined => {
    for (const [name, value] of xattrs) if (pattern.test(name)) return Buffer.from(value).toString("latin1");
    return undefined;
  };
  return {
    isOpaque: type === "directory" && noted(opaque) === "y",
    isWhiteout: type === "file" && size === 0 && noted(whiteout) !== undefined,
    redirect: type === "directory" || type === "file" ? noted(redirect) : undefined,
    isMetacopy: type === "file" && noted(metacopy) !== undefined,
    isIndexed: type !== "directory" && noted(indexed) !== undefined,
  };
}

/** The file as it is part of the tree: without notes; those of an overlay inside of it are the tree's. */
export function withoutOverlayNotes(entry: TarEntry, { isTrustedOnly = false }: NotePlaces): TarEntry {
  if (entry.xattrs === undefined) return entry;
  const { plumbing, escaped } = isTrustedOnly ? TRUSTED : ANYBODY;
  const { xattrs, ...rest } = entry;
  const kept = new Map<ByteString, Uint8Array>();
  for (const [name, value] of xattrs) {
    if (escaped.test(name)) kept.set(name.replace(escaped, "$1.overlay."), value);
    else if (!plumbing.test(name)) kept.set(name, value);
  }
  return kept.size === 0 ? rest : { ...rest, xattrs: kept };
}
