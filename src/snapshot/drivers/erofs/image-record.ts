import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileError } from "../../../content/index.ts";
import type { DiffId } from "../../../oci/index.ts";

/** Raise it when images that were made before must not be mounted any more. */
export const FORMAT = 2;
/** The file of the record, beside the images. */
export const RECORD = "merged.json";
/** The files of the images. */
export const FILES: Readonly<Record<ImageVariant, string>> = { escaped: "merged.erofs", plain: "merged-plain.erofs" };

/**
 * Two images of one tree, where they differ: an overlay takes some extended attributes of its lower for its own notes, so
 * there (`escaped`) they have names from which overlayfs gives the real ones; who looks at the image itself (`plain`)
 * wants them as they are.
 */
export type ImageVariant = "escaped" | "plain";

/** The tar of a layer, as it was when the images were made. */
export interface RecordedTar {
  readonly diffId: DiffId;
  /** Relative to the directory of the snapshot, so that a store may be moved as a whole. */
  readonly path: string;
  readonly size: number;
}

/** What lies beside the images and is written last: all that is needed to mount them. */
export interface ImageRecord {
  readonly format: number;
  /** Bytes of each image. One that does not differ from `escaped` is not there. */
  readonly sizes: { readonly escaped: number; readonly plain?: number | undefined };
  /** SHA-256 of each, in hex. */
  readonly sums: { readonly escaped: string; readonly plain?: string | undefined };
  readonly whiteoutDevice?: string | undefined;
  /** One for each layer, base first. */
  readonly tars: readonly RecordedTar[];
  /** The layers whose tars are the devices of the images, in the kernel's order. */
  readonly devices: readonly number[];
}

/** Undefined where there is none that can be understood. @throws StrataError as `fileError` */
export function readRecord(directory: string): ImageRecord | undefined {
  const path = join(directory, RECORD);
  try {
    const record = JSON.parse(readFileSync(path, "utf8")) as ImageRecord;
    return record.format === FORMAT ? record : undefined;
  } catch (error) {
    // What cannot be understood is made again.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, path);
  }
}
