import { StrataError } from "../base/index.ts";
import type { ImageLayer } from "../image/index.ts";
import { provenanceOf } from "./provenance-of.ts";

/** How the layers of an edited image came together. */
export interface NewStack {
  /** Completes "Layer 3 does not fit …". */
  readonly change: string;
  /** The number that a layer had before the edit; undefined for one that is new, whose own fault it is. */
  numberBefore(layer: number): number | undefined;
}

/**
 * Refuses layers that make no tree since others lie below them: with hardlinks to files that are not there any more, or behind
 * symlinks that lead nowhere. Whether programs find what they need is another matter. Where the bytes of a layer are not here nobody
 * can tell, and nothing is refused.
 *
 * @param layers of the edited image
 * @throws StrataError `layers-do-not-fit` with the layer's number before the edit, and the entry
 */
export function assertLayersFit(layers: readonly ImageLayer[], stack: NewStack): void {
  if (layers.some(({ kind }) => kind === "absent")) return;
  try {
    provenanceOf(layers);
  } catch (error) {
    throw notFitting(error, layers, stack);
  }
}

function notFitting(error: unknown, layers: readonly ImageLayer[], { change, numberBefore }: NewStack): unknown {
  if (!(error instanceof StrataError) || error.details.layer === undefined) return error;
  const number = numberBefore(error.details.layer);
  if (number === undefined) return error;
  const { createdBy } = layers[error.details.layer] as ImageLayer;
  return new StrataError({
    code: "layers-do-not-fit",
    kind: "failed-precondition",
    message: `Layer ${number} does not fit ${change}: ${error.message}`,
    details: { ...error.details, layer: number, ...(createdBy !== undefined && { createdBy }) },
    hint: `\`strata squash --from ${number}\` first makes a layer that has what it needs itself; --force leaves the image unreadable`,
    cause: error,
  });
}
