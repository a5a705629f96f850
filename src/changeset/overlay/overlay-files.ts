import { type ByteString, StrataError, toText } from "../../base/index.ts";
import { type LayerFile, LayerFiles } from "./layer-files.ts";
import type { OverlayDialect } from "./overlay-place.ts";
import { OverlaySearch } from "./overlay-search.ts";

/** A file as an overlay shows it. */
export interface OverlayFile {
  /** Whose metadata it has. */
  readonly top: LayerFile;
  /** Whose data it has; another one where only metadata was copied up. */
  readonly data: LayerFile;
  /** Of a directory: all that it is made of, topmost first. */
  readonly parts: readonly LayerFile[];
}

/** What an overlay of directories shows, without a mount: read as it is asked for. */
export class OverlayFiles {
  readonly root: OverlayFile;
  readonly #roots: readonly LayerFile[];

  /** @param directories topmost first, at least one @throws StrataError as `fileError` */
  constructor(directories: readonly string[], dialect: OverlayDialect) {
    this.#roots = directories.map((directory, i) => rootOf(new LayerFiles(directory, i, dialect)));
    const top = this.#roots[0] as LayerFile;
    this.root = { top, data: top, parts: this.#roots };
  }

  /** The names that may be in a directory, in order: some may turn out to be deleted. */
  names({ parts }: OverlayFile): readonly ByteString[] {
    const [first, ...others] = parts;
    if (first === undefined) return [];
    if (others.length === 0) return first.layer.names(first.path);
    return [...new Set(parts.flatMap(({ layer, path }) => layer.names(path)))].sort((a, b) => (a < b ? -1 : 1));
  }

  /** The file of a name in a directory. @throws StrataError `overlay-data-missing`, as `fileError` */
  find({ parts: directories }: OverlayFile, name: ByteString): OverlayFile | undefined {
    const search = new OverlaySearch(name);
    const parts: LayerFile[] = [];
    let places = directories;
    for (let i = 0; i < places.length && !search.isOver; i++) {
      const { layer, path } = places[i] as LayerFile;
      const found = search.findIn(layer, path);
      if (found === undefined) continue;
      parts.push(found);
      if (!search.isAbsolute || places === this.#roots) continue;
      places = this.#roots;
      i = layer.number;
    }
    const [top] = parts;
    if (top === undefined) return undefined;
    const data = parts.at(-1) as LayerFile;
    if (top.entry.type === "file" && search.lacksData) throw dataMissing(top);
    return { top, data, parts };
  }

  /** Whether a directory shows any file. */
  isEmpty(directory: OverlayFile): boolean {
    return !this.names(directory).some((name) => this.find(directory, name) !== undefined);
  }
}

/** The root directory of a layer. @throws StrataError `file-not-found`, `not-a-directory` */
export function rootOf(layer: LayerFiles): LayerFile {
  const root = layer.find("");
  if (root !== undefined && root !== "socket" && root.entry.type === "directory") return root;
  throw new StrataError({
    code: root === undefined ? "file-not-found" : "not-a-directory",
    kind: root === undefined ? "not-found" : "invalid-argument",
    message: `Cannot read ${layer.directory}: it ${root === undefined ? "does not exist" : "is not a directory"}`,
    details: { path: layer.directory },
  });
}

function dataMissing({ layer, path }: LayerFile): StrataError {
  return new StrataError({
    code: "overlay-data-missing",
    kind: "failed-precondition",
    message: `${layer.directory}/${toText(path)} has its metadata only, and no lower directory has its data`,
    details: { entry: toText(path), path: layer.directory },
    hint: "Name all lower directories of the overlay, topmost first",
  });
}
