import type { PlacedImage } from "../image/index.ts";
import { createdOf, type EditContext } from "./edit-context.ts";
import { entryOf, stepsOf, withSteps } from "./image-steps.ts";
import { takeLayer } from "./take-layer.ts";
import type { WrittenLayer } from "./written-layer.ts";

/** What becomes a layer: one that was written, the bytes of a tar, compressed or not; undefined for a step without one. */
export type NewLayer = WrittenLayer | AsyncIterable<Uint8Array> | undefined;

/**
 * Puts a layer on top of an image, with a step of the history. A layer without entries changes nothing and is left out:
 * its step says so (`empty_layer`).
 * @throws StrataError as `takeLayer`
 */
export async function appendLayer(image: PlacedImage, layer: NewLayer, ctx: EditContext): Promise<PlacedImage> {
  const written = layer === undefined || "source" in layer ? layer : await takeLayer(layer, ctx);
  const top = written === undefined || written.index.count === 0 ? undefined : written.source;
  const steps = [...stepsOf(image), { entry: entryOf(ctx), layer: top }];
  return withSteps(image, steps, { created: createdOf(ctx) });
}
