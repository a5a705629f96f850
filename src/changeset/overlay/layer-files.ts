import { type ByteString, fromText, toText } from "../../base/index.ts";
import { fileError } from "../../content/index.ts";
import {
  describeFile,
  namesInOrder,
  type OverlayNotes,
  overlayNotesOf,
  withoutOverlayNotes,
} from "../../directory/index.ts";
import { type FileStatus, statusIfThere } from "../../linux/index.ts";
import type { TarEntry } from "../../tar/index.ts";
import { isOfHost, withoutXattrs } from "../directory-tree.ts";
import type { OverlayDialect } from "./overlay-place.ts";

/** A file in one of the directories of an overlay. */
export interface LayerFile {
  readonly layer: LayerFiles;
  /** In that directory; `""` is its root. */
  readonly path: ByteString;
  readonly status: FileStatus;
  /** As it is part of the tree; its name is {@link path}. */
  readonly entry: TarEntry;
  readonly notes: OverlayNotes;
}

const VANISHED = new Set(["ENOENT", "ENOTDIR", "EINVAL"]);
const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** One directory of an overlay, read file by file as they are asked for. */
export class LayerFiles {
  readonly directory: string;
  /** From the top. */
  readonly number: number;
  readonly #root: ByteString;
  readonly #dialect: OverlayDialect;

  constructor(directory: string, number: number, dialect: OverlayDialect) {
    this.directory = directory;
    this.number = number;
    this.#root = fromText(directory);
    this.#dialect = dialect;
  }

  /** Undefined for what is not there, `socket` for what no layer can hold. Directories on the way are not looked at. @throws StrataError as `fileError` */
  find(path: ByteString): LayerFile | "socket" | undefined {
    const place = `${this.#root}/${path === "" ? "." : path}`;
    try {
      const status = statusIfThere(place);
      if (status === undefined) return undefined;
      const entry = describeFile(place, path, status);
      return entry === undefined ? "socket" : this.#understood({ path, status, entry });
    } catch (error) {
      // It went, or became something else, while we looked.
      if (VANISHED.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
      throw fileError(error, `${this.directory}/${toText(path)}`);
    }
  }

  /** The names in a directory, markers left out, in order. @throws StrataError as `fileError` */
  names(path: ByteString): readonly ByteString[] {
    try {
      const names = namesInOrder(path === "" ? this.#root : `${this.#root}/${path}`);
      if (!this.#hasNamedMarkers) return names;
      return [...new Set(names.map(withoutMarker))].filter((name) => name !== "").sort((a, b) => (a < b ? -1 : 1));
    } catch (error) {
      throw fileError(error, `${this.directory}/${toText(path)}`);
    }
  }

  /** Whether a name of a directory is marked as deleted, by a file of another name. */
  hasWhiteoutFor(directory: ByteString, name: ByteString): boolean {
    return this.#hasNamedMarkers && this.#isThere(directory, WHITEOUT + name);
  }

  get #hasNamedMarkers(): boolean {
    return this.#dialect.style === "fuse-overlayfs";
  }

  #understood(file: Pick<LayerFile, "path" | "status" | "entry">): LayerFile {
    const { path, entry } = file;
    const noted = overlayNotesOf(entry, this.#dialect);
    const isMarked = this.#hasNamedMarkers && entry.type === "directory" && this.#isThere(path, OPAQUE);
    const isDevice = entry.type === "char" && entry.devMajor === 0 && entry.devMinor === 0;
    const notes =
      isMarked || isDevice ? { ...noted, isOpaque: noted.isOpaque || isMarked, isWhiteout: isDevice } : noted;
    return { ...file, layer: this, entry: withoutXattrs(withoutOverlayNotes(entry, this.#dialect), isOfHost), notes };
  }

  #isThere(directory: ByteString, name: ByteString): boolean {
    return statusIfThere(`${this.#root}/${directory === "" ? name : `${directory}/${name}`}`) !== undefined;
  }
}

/** The name that a marker is about; `""` for one that is about its directory. */
function withoutMarker(name: ByteString): ByteString {
  if (!name.startsWith(WHITEOUT)) return name;
  return name.startsWith(".wh..wh.") ? "" : name.slice(WHITEOUT.length);
}
