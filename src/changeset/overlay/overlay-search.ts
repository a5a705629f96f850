import type { ByteString } from "../../base/index.ts";
import type { LayerFile, LayerFiles } from "./layer-files.ts";

/**
 * The search for one name through the layers of an overlay, from the top down, as the kernel does it (fs/overlayfs/namei.c,
 * `ovl_lookup`): what is found says whether the layers below matter, and what the file is called there.
 */
export class OverlaySearch {
  /** The name to look for, or the path from the root of each layer. */
  #names: readonly ByteString[];
  #isAbsolute = false;
  #isDirectory = false;
  #isMetacopy = false;
  #isOver = false;

  constructor(name: ByteString) {
    this.#names = [name];
  }

  /** Whether the file goes by a path from the roots of the layers below. */
  get isAbsolute(): boolean {
    return this.#isAbsolute;
  }

  /** Whether layers below do not matter. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether a file was found whose data was not. */
  get lacksData(): boolean {
    return this.#isMetacopy;
  }

  /** Looks into one layer. @param directory where the name would be in it, unless the search is absolute */
  findIn(layer: LayerFiles, directory: ByteString): LayerFile | undefined {
    let place = this.#isAbsolute ? "" : directory;
    for (let at = 0; at < this.#names.length; ) {
      const left = this.#names.length - at - 1;
      const found = this.#step(layer, place, at);
      if (found === undefined || left === 0) return found;
      place = found.path;
      // A redirect may have changed how many names lead here; what is left is the same.
      at = this.#names.length - left;
    }
    return undefined;
  }

  #step(layer: LayerFiles, directory: ByteString, at: number): LayerFile | undefined {
    const name = this.#names[at] as ByteString;
    const isLast = at === this.#names.length - 1;
    if (layer.hasWhiteoutFor(directory, name)) return this.#end();
    const found = layer.find(directory === "" ? name : `${directory}/${name}`);
    if (found === undefined) return undefined;
    if (found === "socket" || found.notes.isWhiteout) return this.#end();
    const { type } = found.entry;
    if (isLast && this.#isMetacopy && type !== "file") return this.#end();
    if (type === "directory") {
      if (isLast) this.#isDirectory = true;
      if (found.notes.isOpaque) return this.#end(found);
    } else {
      if (this.#isDirectory || !isLast) return this.#end();
      this.#isMetacopy = found.notes.isMetacopy;
      if (!this.#isMetacopy) return this.#end(found);
    }
    if (found.notes.redirect !== undefined) this.#redirect(found.notes.redirect, at);
    return found;
  }

  #end(found?: LayerFile): LayerFile | undefined {
    this.#isOver = true;
    return found;
  }

  #redirect(redirect: ByteString, at: number): void {
    const rest = this.#names.slice(at + 1);
    const isAbsolute = redirect.startsWith("/");
    const before = isAbsolute ? [] : this.#names.slice(0, at);
    this.#names = [...before, ...redirect.split("/").filter((name) => name !== ""), ...rest];
    this.#isAbsolute ||= isAbsolute;
  }
}
