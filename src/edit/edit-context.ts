import { type FileTime, now } from "../base/index.ts";
import type { Scratch } from "../content/index.ts";
import type { CompressionFormat } from "../tar/index.ts";
import type { WrittenLayer } from "./written-layer.ts";

/** What the history is to say of an edit (image-spec config.md#properties). */
export interface EditStep {
  /** The instruction that made the step. */
  readonly createdBy?: string | undefined;
  readonly comment?: string | undefined;
  readonly author?: string | undefined;
  /** RFC 3339; the one of the context unless given. */
  readonly created?: string | undefined;
}

/** What every edit needs beside the image. */
export interface EditContext {
  /** Where new layers lie. They belong to whoever owns it, live as long as it does, and are freed with it. */
  readonly scratch: Scratch;
  /** How new layers are stored. Default: `gzip`. */
  readonly compression?: CompressionFormat | undefined;
  /** For {@link compression}; the codec's own default unless given. */
  readonly level?: number | undefined;
  /** Processors that compress; 1 unless given. The bytes do not depend on it. */
  readonly cores?: number | undefined;
  /** RFC 3339: when the edit was made, for `created` and the history. Default: now. */
  readonly created?: string | undefined;
  /** What the history is to say. */
  readonly step?: EditStep | undefined;
  /** Times of files that are later than this become this: SOURCE_DATE_EPOCH. */
  readonly clampTime?: FileTime | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of every layer that is made, so that nobody has to read it to know it. */
  readonly onLayer?: ((layer: WrittenLayer) => void) | undefined;
}

/** When the edit was made, RFC 3339. */
export function createdOf({ created }: Pick<EditContext, "created">): string {
  return created ?? new Date(now()).toISOString();
}
