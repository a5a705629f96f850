import { StrataError } from "../base/index.ts";
import { ImageLayer } from "../image/index.ts";
import { changesetTar, ociWhiteouts } from "../layer/index.ts";
import type { EditContext } from "./edit-context.ts";
import { type LayerRow, listRows } from "./rewrite-rows.ts";
import { writeLayer } from "./write-layer.ts";
import type { WrittenLayer } from "./written-layer.ts";

/** @throws StrataError `layer-absent` (not-found) when the bytes of any layer are not here: nobody knows what it does */
export function assertPresent(layers: readonly ImageLayer[], doing: string): void {
  const absent = layers.find(({ kind }) => kind === "absent");
  if (absent === undefined) return;
  throw new StrataError({
    code: "layer-absent",
    kind: "not-found",
    message: `Cannot ${doing}: the bytes of layer ${absent.number} (${absent.name}) are not here`,
    details: { layer: absent.number },
  });
}

/** The layers, all as tars, the same where they are: those that lie unpacked are written into the scratch, whose owner frees them. */
export async function asTars(layers: readonly ImageLayer[], ctx: EditContext): Promise<readonly ImageLayer[]> {
  if (layers.every(({ tar }) => tar !== undefined)) return layers;
  const tars: ImageLayer[] = [];
  for (const layer of layers) tars.push(layer.tar === undefined ? await asTar(layer, ctx) : layer);
  return tars;
}

async function asTar(layer: ImageLayer, ctx: EditContext): Promise<ImageLayer> {
  const { index, whiteouts } = layer;
  const listed = { index, open: async (entry: number) => await layer.open(entry) };
  const tar = changesetTar(listed, whiteouts, { keepOverlayXattrs: true });
  const { scratch, signal } = ctx;
  return readable(await writeLayer(tar, { scratch, compression: "none", signal }), layer.number);
}

/** A layer that was just written, to be read like one of an image. */
export function readable({ source, diffId, index, tar }: WrittenLayer, number: number): ImageLayer {
  const facts = { number, source, diffId, chainId: undefined, createdBy: undefined };
  return new ImageLayer(facts, index, { kind: "tar", tar });
}

/** A layer of rows, markers among them, with the data of the image's layers. @throws StrataError as `writeLayer` */
export async function writeRows(
  rows: readonly LayerRow[],
  layers: readonly ImageLayer[],
  ctx: EditContext,
): Promise<WrittenLayer> {
  const { clampTime } = ctx;
  const options = { keepOverlayXattrs: true, ...(clampTime && { clampTime }) };
  return await writeLayer(changesetTar(listRows(rows, layers), ociWhiteouts, options), ctx);
}
