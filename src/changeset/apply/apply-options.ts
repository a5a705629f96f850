import type { LocatedSource, Scratch } from "../../content/index.ts";
import type { TarLimits } from "../../tar/index.ts";

/**
 * The stored bytes of a changeset, compressed or not; called once. A stream is read once, from its beginning. A source is
 * read at random and disposed; one that lies in a local file, uncompressed, is not copied.
 */
export type ChangesetInput = () => AsyncIterable<Uint8Array> | Promise<LocatedSource>;

/** What one changeset may cost. Each bound is inclusive. */
export interface ApplyLimits extends TarLimits {
  /** Bytes of one changeset after decompression. */
  readonly maxLayerBytes: number;
  /** Uncompressed bytes for each stored byte, once a changeset has grown beyond 1 GiB. */
  readonly maxExpansion: number;
}

/** How changesets are applied. */
export interface ApplyOptions {
  /** Where changesets are kept that came as streams, or compressed. */
  readonly scratch: Scratch;
  /** `apply` owners, devices and all attributes, or `record` them, as `extractMergedTree` does. Default: `apply` for root. */
  readonly owners?: "apply" | "record" | undefined;
  /** Default: those of the tar codec and of its decompression. */
  readonly limits?: Partial<ApplyLimits> | undefined;
  /** Whether everything is on the disk in the end. Default: no. */
  readonly sync?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}
