import type { Digest } from "../oci/index.ts";

/** `error`: something cannot be read as published. `warning`: nothing is lost. `info`: left over, harmless. */
export type FaultSeverity = "error" | "warning" | "info";

/** What may be wrong with a store; docs/store.md has a row for each. */
export type FaultCode =
  | "metadata-unreadable"
  | "names-copy-differs"
  | "name-without-image"
  | "root-missing"
  | "document-unreadable"
  | "record-differs"
  | "layer-table-differs"
  | "blob-missing"
  | "compressed-missing"
  | "blob-corrupt"
  | "blob-unreadable"
  | "blob-size-differs"
  | "diffid-mismatch"
  | "layer-unreadable"
  | "unreferenced-blob"
  | "snapshot-record-damaged"
  | "snapshot-parent-missing"
  | "snapshot-tar-missing"
  | "snapshot-image-damaged"
  | "snapshot-differs"
  | "index-entry-corrupt"
  | "stray-file"
  | "leftover-file"
  | "abandoned-ingest"
  | "dead-lease";

/** One thing that is wrong. */
export interface Fault {
  readonly code: FaultCode;
  readonly severity: FaultSeverity;
  /** One sentence that names the thing, without a full stop. */
  readonly what: string;
  readonly digest?: Digest | undefined;
  /** An image's name in full. */
  readonly name?: string | undefined;
  /** Relative to the root of the store. */
  readonly path?: string | undefined;
  /** Names, or digests where there are none, of the images that suffer. */
  readonly images: readonly string[];
  /** What helps, one clause in the imperative. */
  readonly remedy: string;
}

/** What a repair did about a fault: set aside, derived anew, removed, or nothing where only a pull helps. */
export type RepairAction = "quarantined" | "re-derived" | "removed" | "none";

/** One thing that a repair did, or could not do. */
export interface Repair {
  readonly fault: Fault;
  readonly action: RepairAction;
  /** Where it lies now, relative to the root of the store. */
  readonly movedTo?: string | undefined;
  /** Names, or digests where there are none, of the images that another pull would heal. */
  readonly pullAgain: readonly string[];
}

/** Told while a store is checked. */
export interface CheckEvent {
  /** Of `blob` bytes are counted, of `snapshot` the chains whose directories are compared. */
  readonly kind: "blob" | "snapshot";
  /** What was verified, of all there is. */
  readonly done: number;
  readonly total: number;
}

/** How a store is checked. */
export interface CheckOptions {
  /** Directories of snapshots are compared with the layers too, file by file. Default: no. */
  readonly isDeep?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: CheckEvent) => void) | undefined;
}
