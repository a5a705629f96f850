import { now } from "../../base/index.ts";
import type { ImageRecord, NameRecord } from "../metadata/records.ts";

/** The record of an image of which only the name is left: it is shown, incomplete, until it is pulled again or removed. */
export function missingImage({ mediaType, digest, size }: NameRecord): ImageRecord {
  return {
    mediaType,
    addedAt: now(),
    parts: [{ digest, size, role: "manifest", isHere: false, mediaType }],
    leaves: [],
  };
}
