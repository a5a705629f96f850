import type { LayerSource, PlacedImage } from "../image/index.ts";
import { digestOf, type HistoryEntry, MEDIA_TYPE, parseImageConfig } from "../oci/index.ts";

/** An image of one layer from a place that knows nothing of images: its configuration says no more than that. */
export function singleLayerImage(history: HistoryEntry, layer: LayerSource): PlacedImage {
  const bytes = Buffer.from(JSON.stringify({ rootfs: { type: "layers", diff_ids: [] }, history: [history] }));
  const value = parseImageConfig(bytes, { what: "made-up configuration" });
  return {
    names: [],
    manifest: undefined,
    config: { mediaType: MEDIA_TYPE.ociConfig, digest: digestOf(bytes), bytes, value, isSynthetic: true },
    platform: undefined,
    layers: [layer],
    skipped: [],
  };
}
