import type { ContentStore, IndexCache } from "../content/index.ts";
import type { Limits } from "../image/index.ts";
import type { ChainId, DiffId, Digest } from "../oci/index.ts";
import type { Snapshotter } from "../snapshot/index.ts";
import type { ArrivedLayer } from "./layer-arrivals.ts";

/** Told while an image is unpacked; layers by number, base first. */
export type UnpackEvent =
  | {
      readonly type: "layer";
      readonly layer: number;
      /** Of the stored bytes, where the format tells it. */
      readonly digest: Digest | undefined;
      /** Stored bytes. */
      readonly size: number;
      /** `present`: nothing had to be done. Each layer ends as `present` or `unpacked`, unless all fails. */
      readonly state: "waiting" | "unpacking" | "present" | "unpacked";
    }
  /** Stored bytes that were read so far. */
  | { readonly type: "layer-progress"; readonly layer: number; readonly bytes: number; readonly size: number }
  | {
      readonly type: "snapshot";
      readonly layer: number;
      readonly chainId: ChainId;
      readonly state: "present" | "staging" | "committing" | "committed";
    }
  | { readonly type: "warming"; readonly chainId: ChainId };

/** The lowest layers of an image that are committed snapshots already. */
export interface StandingLayers {
  /** How many. What they changed need not be told any more, only what came of it. */
  readonly count: number;
  /** Whether the snapshots consist of the layers' tars. Where they do not, a tar is brought in only when somebody opens it. */
  readonly needTars: boolean;
}

/** How the layers of an image are made ready. */
export interface UnpackLayersOptions {
  /** Takes the uncompressed tars, as blobs under their diffIDs. */
  readonly content: ContentStore;
  readonly indexCache: IndexCache;
  /** Protects blobs from being freed, here or not: called before they are looked for. */
  readonly lease: (...digests: readonly Digest[]) => Promise<void>;
  /** Layers at once, each on its own thread where that pays. At least 1. */
  readonly workers: number;
  readonly limits: Limits;
  /** What was unpacked while the image was copied into `content`, by the digest of the stored bytes. */
  readonly arrived?: ReadonlyMap<Digest, ArrivedLayer> | undefined;
  /** None unless given; only for an image that claims the diffIDs of all its layers. */
  readonly standing?: StandingLayers | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: UnpackEvent) => void) | undefined;
}

/** How an image is unpacked. */
export interface UnpackOptions extends UnpackLayersOptions {
  readonly snapshotter: Snapshotter;
}

/** One layer of an unpacked image. */
export interface UnpackedImageLayer {
  readonly diffId: DiffId;
  readonly chainId: ChainId;
  /** `present`: its snapshot was there. */
  readonly result: "present" | "unpacked";
}
