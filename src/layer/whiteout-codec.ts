import { type ByteString, StrataError, toText } from "../base/index.ts";
import { CHAR, DIRECTORY, FILE } from "./entry-kind.ts";
import type { LayerIndex } from "./layer-index.ts";

/**
 * What an entry of a changeset means:
 * - `entry`: a file that the layer adds or replaces
 * - `whiteout`: the removal of one name that lower layers have
 * - `opaque`: the removal of everything that lower layers have in the directory that holds the entry
 * - `opaque-directory`: a directory entry and at once the removal of everything that lower layers have in it
 * - `plumbing`: a note of the storage driver to itself, no part of the image
 */
export type EntryMeaning = "entry" | "whiteout" | "opaque" | "opaque-directory" | "plumbing";

/** A clean path, split: the directory (`""` is the root) and the name in it. */
export interface EntryPlace {
  readonly directory: ByteString;
  readonly name: ByteString;
}

/** How a format writes deletions down: a closed set of strategies, one for each format. */
export interface WhiteoutCodec {
  readonly name: "oci" | "overlay" | "aufs" | "none";
  /** Whether the layer can hold a marker at all: a cheap test that spares most layers a pass. May err towards true. */
  mayHaveMarkers(index: LayerIndex): boolean;
  /** Meaning of entry `i`, whose clean path is that of `place`. */
  meaningOf(index: LayerIndex, i: number, place: EntryPlace): EntryMeaning;
  /** For a `whiteout`: the name that it removes from its directory. */
  hiddenName(baseName: ByteString): ByteString;
}

const PREFIX = ".wh.";
const OPAQUE = ".wh..wh..opq";
const META_PREFIX = ".wh..wh.";

/**
 * image-spec layer.md#whiteouts: `.wh.NAME` and `.wh..wh..opq`, told by the base name alone, whatever the entry's type.
 * Other `.wh..wh.*` names are what AUFS left in layers of old (`.wh..wh.plnk`, `.wh..wh.aufs`, `.wh..wh.orph`).
 */
export const ociWhiteouts: WhiteoutCodec = {
  name: "oci",
  mayHaveMarkers: (index) => index.text.includes(PREFIX, 0, "latin1"),
  meaningOf(index, i, { directory, name }) {
    if (directory.startsWith(META_PREFIX)) return "plumbing";
    if (!name.startsWith(PREFIX)) return "entry";
    const marker = markerOf(name);
    if (marker !== undefined) return "opaque" in marker ? "opaque" : "whiteout";
    if (name.startsWith(META_PREFIX)) return "plumbing";
    throw namesNothing(index, i);
  },
  hiddenName: (baseName) => baseName.slice(PREFIX.length),
};

/**
 * What a marker of {@link ociWhiteouts} takes away from its own directory: one name, or all; undefined for every other name, for
 * what AUFS left, and for markers that are refused.
 */
export function markerOf(
  baseName: ByteString,
): { readonly opaque: true } | { readonly hidden: ByteString } | undefined {
  if (baseName === OPAQUE) return { opaque: true };
  if (!baseName.startsWith(PREFIX) || baseName.startsWith(META_PREFIX)) return undefined;
  const hidden = ociWhiteouts.hiddenName(baseName);
  // `.wh.`, `.wh..` and `.wh...` would remove nothing, the directory itself, or its parent.
  return hidden === "" || hidden === "." || hidden === ".." ? undefined : { hidden };
}

/** An AUFS branch on disk: the names are those of {@link ociWhiteouts}, which took them from here. */
export const aufsWhiteouts: WhiteoutCodec = { ...ociWhiteouts, name: "aufs" };

/**
 * overlayfs upper directories (kernel Documentation/filesystems/overlayfs.rst): a 0:0 character device, or an empty
 * file with the xattr `overlay.whiteout`, removes its own name; `overlay.opaque` = `y` makes a directory opaque.
 * The xattrs live in `trusted.` or, for rootless mounts, in `user.`.
 */
export const overlayWhiteouts: WhiteoutCodec = {
  name: "overlay",
  mayHaveMarkers: () => true,
  meaningOf(index, i) {
    const type = index.columns.type[i];
    if (type === CHAR && index.columns.device[i] === 0) return "whiteout";
    if (index.columns.extra[i] === 0) return "entry";
    if (type === DIRECTORY && overlayXattr(index, i, "opaque") === "y") return "opaque-directory";
    if (type === FILE && index.columns.size[i] === 0 && overlayXattr(index, i, "whiteout") !== undefined)
      return "whiteout";
    return "entry";
  },
  hiddenName: (baseName) => baseName,
};

/** A root file system: every name is a file, also one that begins with `.wh.`. */
export const noWhiteouts: WhiteoutCodec = {
  name: "none",
  mayHaveMarkers: () => false,
  meaningOf: () => "entry",
  hiddenName: (baseName) => baseName,
};

function overlayXattr(index: LayerIndex, i: number, name: string): string | undefined {
  const xattrs = index.xattrs(i);
  const value = xattrs.get(`trusted.overlay.${name}`) ?? xattrs.get(`user.overlay.${name}`);
  return value === undefined ? undefined : Buffer.from(value).toString("latin1");
}

function namesNothing(index: LayerIndex, i: number): StrataError {
  const entry = toText(index.name(i));
  return new StrataError({
    code: "invalid-whiteout",
    kind: "hostile",
    message: `The whiteout "${entry}" does not name a file of its directory`,
    details: { entry, offset: index.columns.headerOffset[i] as number },
  });
}
