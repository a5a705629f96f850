import type { IndexCache, Scratch } from "../content/index.ts";
import type { Limits } from "./limits.ts";

/** Told while layers are read. */
export type LoadEvent =
  | { readonly kind: "layer-progress"; readonly layer: number; readonly done: number; readonly total: number }
  | { readonly kind: "layer-loaded"; readonly layer: number; readonly fromCache: boolean };

/** How the layers of an image are loaded. */
export interface LoadLayersOptions {
  readonly limits: Limits;
  /** False: seek through uncompressed tars reading headers only, and judge no digest. */
  readonly verify: boolean;
  /** Where compressed layers are spooled: `eager` while they are indexed, `lazy` when their files are read at random. */
  readonly spool: "lazy" | "eager";
  readonly scratch: Scratch;
  readonly cache?: IndexCache | undefined;
  /** Layers read at once, and threads used when that pays. At least 1. */
  readonly workers: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: LoadEvent) => void) | undefined;
}
