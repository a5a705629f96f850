import type { LayerSource, PlacedImage } from "../image/index.ts";
import type { DiffId } from "../oci/index.ts";
import { configDocument, objectOf, type RawObject, withConfig, withMembers } from "./document.ts";
import { createdOf, type EditContext } from "./edit-context.ts";

/** A step of an image: what its history says of it, and the layer that it made. */
export interface ImageStep {
  /** As it is written (image-spec config.md#properties, `history`); `empty_layer` does not count. */
  readonly entry: RawObject;
  readonly layer: LayerSource | undefined;
}

/**
 * The steps of an image, oldest first, with all its layers in their order: as `joinHistory` joins them. A layer that the
 * history does not tell of has a step that says nothing.
 */
export function stepsOf(image: PlacedImage): ImageStep[] {
  const { history } = configDocument(image);
  const layers = [...image.layers];
  const steps = (Array.isArray(history) ? history : []).map((written): ImageStep => {
    const entry = objectOf(written);
    return { entry, layer: entry["empty_layer"] === true ? undefined : layers.shift() };
  });
  return [...steps, ...layers.map((layer) => ({ entry: {}, layer }))];
}

/** The image that these steps make: its layers, history and diffIDs are theirs, all else is that of `image`. */
export function withSteps(
  image: PlacedImage,
  steps: readonly ImageStep[],
  members: Readonly<Record<string, unknown>> = {},
): PlacedImage {
  const layers = steps.flatMap(({ layer }) => layer ?? []);
  const before = configDocument(image);
  const rootfs = withMembers(objectOf(before["rootfs"]), { type: "layers", diff_ids: diffIdsOf(layers) });
  const history = steps.map(({ entry, layer }) =>
    withMembers(entry, { empty_layer: layer === undefined ? true : undefined }),
  );
  return withConfig({ ...image, layers }, withMembers(before, { ...members, rootfs, history }));
}

/** As far as they are known: `artifactOfImage` finds out the others, and completes the configuration. */
function diffIdsOf(layers: readonly LayerSource[]): DiffId[] {
  const unknown = layers.findIndex(({ diffId }) => diffId === undefined);
  return layers.slice(0, unknown < 0 ? layers.length : unknown).map(({ diffId }) => diffId as DiffId);
}

/** What the history is to say of an edit. */
export function entryOf(ctx: EditContext): RawObject {
  const { createdBy, comment, author, created } = ctx.step ?? {};
  return withMembers({}, { created: created ?? createdOf(ctx), author, created_by: createdBy, comment });
}
