import { upperDirectory } from "../../directory/index.ts";
import type { LayerListing } from "../../image/index.ts";
import { copyDifference } from "./copy-difference.ts";
import type { LayerPlace } from "./layer-directories.ts";

/** A layer or container without a journal. */
export interface DirectoryLayerInit {
  readonly place: LayerPlace;
  /** Where the layer below lies; matters for drivers that copy. */
  readonly below: LayerPlace | undefined;
  readonly name: string;
  readonly storage: Readonly<Record<string, string>>;
}

/**
 * A layer as its driver's directory has it: the same files, and never the same bytes as the tar that it came from. So it
 * has no diffID.
 */
export function directoryLayer({ place, below, name, storage }: DirectoryLayerInit): LayerListing {
  const { path, style } = place;
  const listing = style === "full-copy" ? copyDifference(below?.path, path) : upperDirectory(path, style);
  return { kind: "listing", name, diffId: undefined, storage, ...listing };
}
