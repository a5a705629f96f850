import { type FileContents, ImageFs, listUpper, type UnionFs, unionFs } from "../fs/index.ts";
import type { ImageLayer, PlacedImage } from "../image/index.ts";
import { changesetTar, ociWhiteouts } from "../layer/index.ts";
import { appendLayer } from "./append-layer.ts";
import type { EditContext } from "./edit-context.ts";
import type { LoadFiles } from "./loaded-files.ts";
import { assertPresent } from "./rewrite-layers.ts";
import { writeLayer } from "./write-layer.ts";

/** Changes the files of an image. What it returns means nothing. */
export type EditFiles = (fs: UnionFs) => unknown;

/**
 * Changes an image as if it were a folder: the function gets its files, shaped like `node:fs/promises`, and what it does to them
 * becomes one more layer. Layers are read only where the function looks; a file of which it changes the metadata alone has to
 * be in the new layer whole. Where it changes nothing, the image stays the same value, without a step in its history.
 *
 * With `created` in the context, that is the time of all that the function makes, and the same function gives the same layer.
 *
 * What still keeps the files when the function has ended can read them, and change them no more (EROFS).
 *
 * @throws what the function throws: then nothing is written; `layer-absent` when the bytes of a layer are not here; as `writeLayer`
 */
export async function editFiles(
  image: PlacedImage,
  files: LoadFiles,
  edit: EditFiles,
  ctx: EditContext,
): Promise<PlacedImage> {
  const { layers, tree } = await files();
  assertPresent(layers, "edit the files of the image");
  const lower = new ImageFs(tree, contentsOf(layers));
  await using fs = unionFs({ lowers: [lower], spill: ctx.scratch, time: timeOf(ctx) });
  await edit(fs);
  await fs.freeze();
  const { clampTime, signal } = ctx;
  const changes = await listUpper(fs, { signal });
  if (changes.index.count === 0) return image;
  const options = { keepOverlayXattrs: true, ...(clampTime && { clampTime }) };
  return await appendLayer(image, await writeLayer(changesetTar(changes, ociWhiteouts, options), ctx), ctx);
}

function contentsOf(layers: readonly ImageLayer[]): FileContents {
  return {
    open: (layer, entry) => (layers[layer] as ImageLayer).open(entry),
    openSync: (layer, entry) => (layers[layer] as ImageLayer).openSync(entry),
  };
}

/** In nanoseconds since the epoch; undefined for the clock's. */
function timeOf({ created }: EditContext): bigint | undefined {
  const milliseconds = created === undefined ? Number.NaN : Date.parse(created);
  return Number.isNaN(milliseconds) ? undefined : BigInt(milliseconds) * 1_000_000n;
}
