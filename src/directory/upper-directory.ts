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
import { type NotePlaces, overlayNotesOf, withoutOverlayNotes } from "./overlay-notes.ts";

/** How a union file system writes deletions into its upper directories. */
export type UpperStyle = "overlay" | "fuse-overlayfs" | "aufs" | "none";

/** What a layer needs to be a listing. */
export interface UpperDirectory {
  readonly whiteouts: WhiteoutCodec;
  load(options?: { readonly signal?: AbortSignal | undefined }): Promise<ListedLayer>;
}

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
  const places = { isTrustedOnly };
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
          const meaning = meaningOfNotes(entry, places);
          if (meaning !== undefined) noted.set(count, meaning);
          count++;
          return withoutOverlayNotes(linked(entry), places);
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

function meaningOfNotes(entry: TarEntry, places: NotePlaces): EntryMeaning | undefined {
  const { isOpaque, isWhiteout } = overlayNotesOf(entry, places);
  if (isOpaque) return "opaque-directory";
  return isWhiteout ? "whiteout" : undefined;
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
