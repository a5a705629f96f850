import type { HistoryEntry, ImageConfig } from "../oci/index.ts";

/** One step of an image's history and the layer it made. */
export interface HistoryStep {
  readonly created: string | undefined;
  readonly createdBy: string | undefined;
  readonly author: string | undefined;
  readonly comment: string | undefined;
  /** Number of the layer; undefined for a step that only changed the config. */
  readonly layer: number | undefined;
}

/**
 * Joins the history of a config with its layers (image-spec config.md#properties): steps without `empty_layer` take the
 * layers in order. Layers that no step speaks of get a step of their own at the end; steps beyond the layers have none.
 */
export function joinHistory(config: ImageConfig, layerCount: number): HistoryStep[] {
  let next = 0;
  const steps = (config.history ?? []).map((entry) => {
    const makesLayer = entry.empty_layer !== true && next < layerCount;
    return toStep(entry, makesLayer ? next++ : undefined);
  });
  while (next < layerCount) steps.push(toStep({}, next++));
  return steps;
}

function toStep(entry: HistoryEntry, layer: number | undefined): HistoryStep {
  return {
    created: entry.created,
    createdBy: entry.created_by,
    author: entry.author,
    comment: entry.comment,
    layer,
  };
}
