import type { PlacedImage } from "../image/index.ts";
import { layerAt } from "./drop-layer.ts";
import { createdOf, type EditContext } from "./edit-context.ts";
import { entryOf, type ImageStep, stepsOf, withSteps } from "./image-steps.ts";
import type { LoadFiles } from "./loaded-files.ts";
import { differenceOfLayers } from "./rewrite-difference.ts";
import { assertPresent, writeRows } from "./rewrite-layers.ts";

/** Which layers are squashed. */
export interface SquashOptions {
  /** The lowest of them, counted from 0 at the base. Default: 0, all layers. */
  readonly from?: number | undefined;
}

/**
 * Makes one layer of all layers from `from` up, with the same effect on those below: the image shows the same tree. What these
 * layers added and removed again is gone; what they removed from below becomes a whiteout. Where they come to nothing, no layer
 * is left of them. Their steps in the history, with those between that made no layer, become one: that of the context.
 *
 * @throws StrataError `no-such-layer`; `layer-absent` when the bytes of a layer are not here; `name-reserved` for a file whose name
 *   would mean a deletion; as `writeLayer`
 */
export async function squashImage(
  image: PlacedImage,
  files: LoadFiles,
  { from = 0 }: SquashOptions,
  ctx: EditContext,
): Promise<PlacedImage> {
  layerAt(image, from);
  const { layers, provenance } = await files();
  assertPresent(layers, "squash the image");
  const rows = differenceOfLayers(provenance(), { from });
  const layer = rows.length === 0 ? undefined : (await writeRows(rows, layers, ctx)).source;
  const below = stepsBelow(stepsOf(image), from);
  return withSteps(image, [...below, { entry: entryOf(ctx), layer }], { created: createdOf(ctx) });
}

/** The steps before the one that made a layer. */
function stepsBelow(steps: readonly ImageStep[], layer: number): readonly ImageStep[] {
  let left = layer;
  return steps.slice(
    0,
    steps.findIndex((step) => step.layer !== undefined && left-- === 0),
  );
}
