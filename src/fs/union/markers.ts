import type { ByteString } from "../../base/index.ts";
import { joinPath } from "../../tree/index.ts";

/** What all markers begin with (image-spec layer.md#whiteouts); no file of a union may. */
export const MARKER = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** Names of files that are being made; whatever reads a changeset passes them over. */
export const UNFINISHED = ".wh..wh.strata-";

/** The file whose presence says that nothing below the branch has this name. */
export function whiteoutPath(directory: ByteString, name: ByteString): ByteString {
  return joinPath(directory, MARKER + name);
}

/** The file whose presence says that nothing below the branch is in this directory. */
export function opaquePath(directory: ByteString): ByteString {
  return joinPath(directory, OPAQUE);
}

/** How the names of one directory of a branch read. */
export function readMarkers(names: Iterable<ByteString>): {
  readonly hidden: ReadonlySet<ByteString>;
  readonly isOpaque: boolean;
} {
  const hidden = new Set<ByteString>();
  let isOpaque = false;
  for (const name of names) {
    if (name === OPAQUE) isOpaque = true;
    else if (name.startsWith(MARKER)) hidden.add(name.slice(MARKER.length));
  }
  return { hidden, isOpaque };
}
