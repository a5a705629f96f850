import type { StrataErrorInit } from "../base/index.ts";
import type { FileLocation } from "../content/index.ts";
import type { DiffId } from "../oci/index.ts";
import type { Compression } from "../tar/index.ts";
import type { LayerClaim } from "./index-layer.ts";
import type { Limits } from "./limits.ts";

/** What a thread is asked: index the layer whose stored bytes lie there. */
export interface IndexRequest {
  readonly location: FileLocation;
  readonly claim: LayerClaim;
  readonly limits: Limits;
  readonly verify: boolean;
  readonly compression: Compression;
}

/** What a thread says: any number of `progress`, then one of the others. */
export type IndexReply =
  | { readonly kind: "progress"; readonly done: number }
  | {
      readonly kind: "indexed";
      /** As {@link encodeLayerIndex} wrote it. */
      readonly index: Uint8Array;
      readonly compression: Compression;
      readonly diffId: DiffId | undefined;
    }
  | { readonly kind: "failed"; readonly error: StrataErrorInit };
