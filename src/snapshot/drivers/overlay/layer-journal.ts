import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { assertNotAborted, type ByteString } from "../../../base/index.ts";
import { fileError } from "../../../content/index.ts";
import type { TreeChanges } from "../../../directory/index.ts";
import { encodeTarSplitAround, type TarSplitFile } from "../../../tar/index.ts";
import type { LayerStack } from "../../snapshotter.ts";

/** A layer whose files lie, or will lie, in a directory of their own. */
export interface JournaledLayer {
  readonly stack: LayerStack;
  readonly changes: TreeChanges;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes down what the tar of a layer has beside the files that the layer puts into its directory, so that both together
 * give the tar back: headers, padding, markers, and data that found no place there (a path that comes twice, a file that
 * the layer replaces itself, a sparse file). Reads the headers only; compressed lightly, which costs next to nothing.
 * @throws StrataError `tar-truncated`, `no-space` and others as `fileError`, `aborted`
 */
export async function writeLayerJournal(path: string, layer: JournaledLayer): Promise<void> {
  const { stack, changes, signal } = layer;
  await using tar = await stack.openTar(changes.layer);
  const lines = encodeTarSplitAround(tar, placedFiles(layer), { unchecked: true });
  try {
    await pipeline(
      Readable.from(lines, { objectMode: false }),
      createGzip({ level: 1 }),
      createWriteStream(path, { flags: "wx", mode: 0o600 }),
      { signal },
    );
  } catch (error) {
    assertNotAborted(signal);
    throw fileError(error, path, "write");
  }
}

/** The files of the layer's tar whose data lie in its directory, in the order of the tar, by a path that they have there. */
function placedFiles({ stack, changes }: JournaledLayer): TarSplitFile[] {
  const index = stack.tree.layers[changes.layer];
  const files: TarSplitFile[] = [];
  for (const { node, added, kept } of changes.files) {
    if (index === undefined || node.layer !== changes.layer || node.type !== "file" || node.size === 0) continue;
    if (index.sparse(node.entry) !== undefined) continue;
    const name = (added[0] ?? kept[0]) as ByteString;
    files.push({ name, size: node.size, dataOffset: index.columns.dataOffset[node.entry] as number });
  }
  return files.sort((a, b) => a.dataOffset - b.dataOffset);
}
