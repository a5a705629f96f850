import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import { dirname } from "node:path";
import { randomName } from "../../../base/index.ts";
import { type ContentStore, fileError, syncDirectory } from "../../../content/index.ts";
import { type ErofsImage, writeErofs } from "../../../erofs/index.ts";
import type { DiffId } from "../../../oci/index.ts";
import type { MergedTree } from "../../../union/index.ts";
import { digestOf } from "./layer-tars.ts";

/** What image is written, and where. */
export interface ImageFileOptions {
  readonly path: string;
  readonly uuid: Uint8Array;
  readonly escapeOverlay: boolean;
  /** Of the tree's layers. */
  readonly diffIds: readonly DiffId[];
  readonly content: ContentStore;
}

/** What was written. */
export interface WrittenImage extends ErofsImage {
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
}

/**
 * Writes the metadata image of a tree into a file, which has its name when it is whole and durable.
 * @throws StrataError as `writeErofs`; as `fileError`: nothing is left aside then
 */
export async function writeImageFile(tree: MergedTree, options: ImageFileOptions): Promise<WrittenImage> {
  const { path } = options;
  const aside = `${path}.${randomName()}.partial`;
  try {
    const image = await writeAside(tree, aside, options);
    await fs.rename(aside, path);
    await syncDirectory(dirname(path));
    return image;
  } catch (error) {
    await fs.rm(aside, { force: true }).catch(() => {});
    throw fileError(error, path, "write");
  }
}

async function writeAside(
  tree: MergedTree,
  aside: string,
  { uuid, escapeOverlay, diffIds, content }: ImageFileOptions,
): Promise<WrittenImage> {
  const handle = await fs.open(aside, "wx", 0o600);
  try {
    const hash = createHash("sha256");
    const write = async (bytes: Uint8Array): Promise<void> => {
      hash.update(bytes);
      await handle.writeFile(bytes);
    };
    const openTar = (layer: number) => content.open(digestOf(diffIds[layer] as DiffId));
    const image = await writeErofs(tree, { sink: { write }, uuid, escapeOverlay, openTar });
    await handle.sync();
    return { ...image, sha256: hash.digest("hex") };
  } finally {
    await handle.close();
  }
}
