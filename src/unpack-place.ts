import type { Limits } from "./image/index.ts";
import type { Digest } from "./oci/index.ts";
import type { PlaceOptions } from "./place-options.ts";
import type { DriverName, Snapshotter } from "./snapshot/index.ts";
import type { Store } from "./store/index.ts";
import type { ArrivedLayer, UnpackEvent } from "./unpack/index.ts";

/** How an image becomes a chain of snapshots in the local store. */
export interface UnpackNamedOptions extends PlaceOptions {
  /** How snapshots are kept. Default: the best way that works here. */
  readonly snapshotter?: DriverName | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** Layers at once. Default: one for each processor. */
  readonly workers?: number | undefined;
  readonly onUnpack?: ((event: UnpackEvent) => void) | undefined;
}

/** Where an image is unpacked to. */
export interface UnpackPlace {
  readonly options: UnpackNamedOptions;
  readonly store: Store;
  readonly snapshotter: Snapshotter;
  /** What was unpacked while the image was copied into the store. */
  readonly arrived?: ReadonlyMap<Digest, ArrivedLayer>;
}
