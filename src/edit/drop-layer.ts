import { StrataError } from "../base/index.ts";
import type { LayerSource, PlacedImage } from "../image/index.ts";
import { createdOf, type EditContext } from "./edit-context.ts";
import { stepsOf, withSteps } from "./image-steps.ts";

/**
 * Takes one layer out, with its step of the history. The layers above stay as they are: whiteouts in them may hide nothing
 * then, and hardlinks in them may lead nowhere: see `assertLayersFit`. An image may lose its only layer.
 *
 * @param number counted from 0 at the base
 * @throws StrataError `no-such-layer`
 */
export function dropLayer(image: PlacedImage, number: number, ctx: Pick<EditContext, "created">): PlacedImage {
  layerAt(image, number);
  // The same layer may lie in the image twice: only its place tells which is meant.
  let at = 0;
  const steps = stepsOf(image).filter(({ layer }) => layer === undefined || at++ !== number);
  return withSteps(image, steps, { created: createdOf(ctx) });
}

/** A layer by its number. @throws StrataError `no-such-layer` */
export function layerAt({ layers }: PlacedImage, number: number): LayerSource {
  const layer = Number.isInteger(number) ? layers[number] : undefined;
  if (layer !== undefined) return layer;
  const most = layers.length <= 1 ? "only 0" : `0 to ${layers.length - 1}`;
  const range = layers.length === 0 ? "none" : most;
  throw new StrataError({
    code: "no-such-layer",
    kind: "not-found",
    message: `The image has no layer ${number}: it has ${range}`,
    details: { layer: number },
    hint: "`strata layers` tells the numbers of the layers",
  });
}
