import type { ByteString } from "../../base/index.ts";
import { describeLink, FileNumbers, type ListedFile, listedFiles, type Notice } from "../../directory/index.ts";
import { LayerIndexBuilder } from "../../layer/index.ts";
import type { ListedTree } from "../listed-tree.ts";
import type { LayerFile } from "./layer-files.ts";
import type { OverlayFile } from "./overlay-files.ts";

/** Collects files, in walk order, into a tree. */
export class TreeCollector {
  readonly #builder = new LayerIndexBuilder();
  readonly #files = new FileNumbers();
  readonly #places: LayerFile[] = [];
  /** First name of each inode that has several. */
  readonly #firstNames = new Map<string, ByteString>();

  /** Entries so far. */
  get count(): number {
    return this.#files.count;
  }

  /** @param path clean, in the tree */
  add(path: ByteString, { top, data }: Pick<OverlayFile, "top" | "data">): void {
    const first = this.#firstNameOf(path, top);
    const name = path === "" ? "./" : path;
    this.#builder.add(first === undefined ? { ...top.entry, name } : describeLink(name, first, top.status));
    this.#files.add(data.status);
    this.#places.push(data);
  }

  /** The tree; nothing can be added any more. */
  finish(notices: readonly Notice[]): ListedTree {
    return listedFiles(this.#builder.finish(), {
      files: this.#files,
      notices,
      placeOf: (entry): Pick<ListedFile, "directory" | "name"> => {
        const { layer, path } = this.#places[entry] as LayerFile;
        return { directory: layer.directory, name: path };
      },
    });
  }

  /** Undefined for the first name itself. */
  #firstNameOf(path: ByteString, { entry, status }: LayerFile): ByteString | undefined {
    if (entry.type === "directory" || status.links === 1) return undefined;
    const { device, inodeHigh, inodeLow } = status;
    const inode = `${device.major}:${device.minor}:${inodeHigh}:${inodeLow}`;
    const first = this.#firstNames.get(inode);
    if (first === undefined) this.#firstNames.set(inode, path);
    return first;
  }
}
