import type { ByteString } from "../base/index.ts";
import {
  CHAR,
  type EntryMeaning,
  type LayerIndex,
  type ListedLayer,
  ociWhiteouts,
  type WhiteoutCodec,
} from "../layer/index.ts";
import type { TarEntry } from "../tar/index.ts";
import { listDirectory } from "./list-directory.ts";

/** How a union file system writes deletions into its upper directories. */
export type UpperStyle = "overlay" | "fuse-overlayfs" | "aufs" | "none";

/** What a layer needs to be a listing. */
export interface UpperDirectory {
  readonly whiteouts: WhiteoutCodec;
  load(options?: { readonly signal?: AbortSignal | undefined }): Promise<ListedLayer>;
}

/** How notes of union mounts to themselves are told from attributes of files. */
interface Notes {
  /** No part of the image. */
  readonly plumbing: RegExp;
  readonly opaque: RegExp;
  readonly whiteout: RegExp;
  /** What stands for a note that is part of the tree: an overlay inside of an overlay has its own (Linux 6.7). */
  readonly escaped: RegExp;
}

/** Of anybody: whoever finds a directory does not know how it was mounted. */
const ANY_NOTES: Notes = {
  plumbing: /^(?:trusted|user|security)\.overlay\.|^user\.fuseoverlayfs\.|^user\.containers\.override_stat$/,
  opaque: /^(?:(?:trusted|user)\.overlay|user\.fuseoverlayfs)\.opaque$/,
  whiteout: /^(?:trusted|user)\.overlay\.whiteout$/,
  escaped: /^(trusted|user)\.overlay\.overlay\./,
};
/** Of an overlay that was mounted without `userxattr`: all that users can set belongs to the files. */
const TRUSTED_NOTES: Notes = {
  plumbing: /^trusted\.overlay\./,
  opaque: /^trusted\.overlay\.opaque$/,
  whiteout: /^trusted\.overlay\.whiteout$/,
  escaped: /^(trusted)\.overlay\.overlay\./,
};

/** What is known of the mount that wrote a directory. */
export interface UpperDirectoryOptions {
  /** It noted what it had to in `trusted.overlay.*` and nowhere else. Default: it may have been any. */
  readonly isTrustedOnly?: boolean;
}

/**
 * A directory that is a layer: an upper or a branch of a union mount. What the driver notes in extended attributes is
 * understood and left out, so that it never reaches an image; notes of an overlay inside of it are the image's.
 */
export function upperDirectory(
  path: string,
  style: UpperStyle,
  { isTrustedOnly = false }: UpperDirectoryOptions = {},
): UpperDirectory {
  const notes = isTrustedOnly ? TRUSTED_NOTES : ANY_NOTES;
  const marks = new WeakMap<LayerIndex, ReadonlyMap<number, EntryMeaning>>();
  return {
    whiteouts: whiteoutsOf(style, marks),
    load: async (options) => {
      const noted = new Map<number, EntryMeaning>();
      const linked = linkedWhiteouts();
      let count = 0;
      const listed = await listDirectory(path, {
        ...options,
        map: (entry) => {
          if (style === "none") return entry;
          const meaning = meaningOfXattrs(entry, notes);
          if (meaning !== undefined) noted.set(count, meaning);
          count++;
          return withoutPlumbing(linked(entry), notes);
        },
      });
      marks.set(listed.index, noted);
      return listed;
    },
  };
}

/** Newer kernels make one whiteout and link it to every name; each must be a device again. */
function linkedWhiteouts(): (entry: TarEntry) => TarEntry {
  const names = new Set<ByteString>();
  return (entry) => {
    if (entry.type === "char" && entry.devMajor === 0 && entry.devMinor === 0) names.add(entry.name);
    return entry.type === "hardlink" && names.has(entry.linkName) ? { ...entry, type: "char", linkName: "" } : entry;
  };
}

function meaningOfXattrs({ type, size, xattrs }: TarEntry, { opaque, whiteout }: Notes): EntryMeaning | undefined {
  if (xattrs === undefined) return undefined;
  const has = (pattern: RegExp, value: string | undefined): boolean =>
    [...xattrs].some(
      ([name, bytes]) => pattern.test(name) && (value === undefined || Buffer.from(bytes).toString("latin1") === value),
    );
  if (type === "directory" && has(opaque, "y")) return "opaque-directory";
  return type === "file" && size === 0 && has(whiteout, undefined) ? "whiteout" : undefined;
}

function withoutPlumbing(entry: TarEntry, { plumbing, escaped }: Notes): TarEntry {
  if (entry.xattrs === undefined) return entry;
  const { xattrs, ...rest } = entry;
  const kept = new Map<ByteString, Uint8Array>();
  for (const [name, value] of xattrs) {
    if (escaped.test(name)) kept.set(name.replace(escaped, "$1.overlay."), value);
    else if (!plumbing.test(name)) kept.set(name, value);
  }
  return kept.size === 0 ? rest : { ...rest, xattrs: kept };
}

function whiteoutsOf(style: UpperStyle, marks: WeakMap<LayerIndex, ReadonlyMap<number, EntryMeaning>>): WhiteoutCodec {
  const hasDevices = style === "overlay" || style === "fuse-overlayfs";
  const hasNames = style === "aufs" || style === "fuse-overlayfs";
  return {
    name: style === "fuse-overlayfs" ? "overlay" : style,
    mayHaveMarkers: () => style !== "none",
    meaningOf(index, i, place) {
      if (hasDevices && index.columns.type[i] === CHAR && index.columns.device[i] === 0) return "whiteout";
      const named = hasNames ? ociWhiteouts.meaningOf(index, i, place) : "entry";
      return named === "entry" ? (marks.get(index)?.get(i) ?? "entry") : named;
    },
    hiddenName: hasNames ? hiddenName : (name) => name,
  };
}

function hiddenName(baseName: string): string {
  return baseName.startsWith(".wh.") ? ociWhiteouts.hiddenName(baseName) : baseName;
}
