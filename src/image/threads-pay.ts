import type { LayerSource } from "./image-source.ts";

/**
 * Starting a thread costs about as much as indexing this many stored bytes. One layer alone is pipelined well enough
 * (zlib inflates on a thread of its own), so only what could run beside the largest layer counts.
 */
const WORTH_A_THREAD = 64 * 1024 * 1024;

/** Whether threads would finish these layers sooner than one thread does. */
export function threadsPay(layers: readonly LayerSource[], workers: number): boolean {
  if (workers < 2) return false;
  const sizes = layers.map((layer) => (layer.kind === "blob" && layer.location ? layer.location.size : 0));
  const besideLargest = sizes.reduce((sum, size) => sum + size, 0) - Math.max(0, ...sizes);
  return besideLargest >= WORTH_A_THREAD;
}
