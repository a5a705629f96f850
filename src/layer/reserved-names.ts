import { type ByteString, StrataError, toText } from "../base/index.ts";
import { EntryPaths } from "./entry-paths.ts";
import type { LayerIndex } from "./layer-index.ts";
import type { WhiteoutCodec } from "./whiteout-codec.ts";

const RESERVED = ".wh.";

/**
 * Makes sure that a layer can hold every file of a listing: it tells deletions by names that begin with `.wh.`
 * (image-spec layer.md#whiteouts), so no file of it can have one. What the codec takes for a deletion or a note is none.
 *
 * @throws StrataError `name-reserved` (unsupported) with the entry
 */
export function assertNamesFitLayer(index: LayerIndex, codec: WhiteoutCodec): void {
  if (!index.text.includes(RESERVED, 0, "latin1")) return;
  const paths = new EntryPaths(index);
  for (let entry = 0; entry < index.count; entry++) {
    paths.moveTo(entry);
    if (!paths.name.startsWith(RESERVED)) continue;
    const meaning = codec.meaningOf(index, entry, paths);
    if (meaning === "entry" || meaning === "opaque-directory") throw reserved(index.name(entry));
  }
}

/** {@link assertNamesFitLayer} for one file, by its clean path. @throws StrataError `name-reserved` (unsupported) */
export function assertNameFitsLayer(path: ByteString): void {
  if (path.slice(path.lastIndexOf("/") + 1).startsWith(RESERVED)) throw reserved(path);
}

function reserved(name: ByteString): StrataError {
  const path = toText(name);
  return new StrataError({
    code: "name-reserved",
    kind: "unsupported",
    message: `No layer can hold "${path}": names that begin with "${RESERVED}" mean deletions there`,
    details: { entry: path },
    hint: "Rename or remove the file, then try again",
  });
}
