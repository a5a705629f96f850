import type { StrataErrorInit } from "../base/index.ts";
import type { FileLocation } from "../content/index.ts";
import type { Limits } from "../image/index.ts";
import type { DiffId } from "../oci/index.ts";
import type { LayerTask } from "./unpack-layer.ts";

/** Stored bytes that lie in a file. */
export interface StoredFile {
  readonly kind: "file";
  readonly location: FileLocation;
}

/** A file that somebody is still writing: `more`, `complete` and `fail` tell how that goes. */
export interface StoredGrowing {
  readonly kind: "growing";
  /** Threads of one process share descriptors; who asks keeps it open meanwhile. */
  readonly fd: number;
  readonly size: number;
}

interface ToUnpack<Bytes> {
  readonly kind: "unpack";
  /** Of the content store. */
  readonly directory: string;
  readonly bytes: Bytes;
  readonly task: LayerTask;
}

/** The tar is there, and only its index is wanted. */
interface ToIndex {
  readonly kind: "index";
  readonly directory: string;
  readonly diffId: DiffId;
  readonly limits: Limits;
}

/** What a thread is asked to do; one at a time. */
export type UnpackRequest = ToUnpack<StoredFile> | ToUnpack<StoredGrowing> | ToIndex;

/** What a thread is told while it does that. */
export interface UnpackNotice {
  readonly kind: "more" | "complete" | "fail" | "abort";
}

/** What a thread says: any number of `progress`, then one of the others. */
export type UnpackReply =
  | { readonly kind: "progress"; readonly done: number }
  | {
      readonly kind: "unpacked";
      readonly diffId: DiffId;
      /** As `encodeLayerIndex` wrote it. */
      readonly index: Uint8Array;
    }
  | { readonly kind: "failed"; readonly error: StrataErrorInit };
