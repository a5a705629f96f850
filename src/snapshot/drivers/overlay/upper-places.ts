import { join } from "node:path";
import type { NewSnapshot } from "../../snapshot-driver.ts";

/** What the snapshot adds: the upper directory while it is active, a lower one of its children. */
export function filesOf({ directory }: NewSnapshot): string {
  return join(directory, "fs");
}

/** What overlayfs needs for itself while the snapshot is written to. */
export function workOf({ directory }: NewSnapshot): string {
  return join(directory, "work");
}

/** There when the files cannot be shown as they lie, because some marks of overlayfs in them are written twice. */
export function escapedOf({ directory }: NewSnapshot): string {
  return join(directory, "escaped");
}

/** There when nothing of the parents shows: overlayfs heeds an opaque mark on any directory but the root. */
export function opaqueOf({ directory }: NewSnapshot): string {
  return join(directory, "opaque");
}

/** An empty directory, for snapshots that have nothing below them and must be mounted as overlays all the same. */
export function emptyOf({ directory }: NewSnapshot): string {
  return join(directory, "empty");
}

/** What the tar of a layer has beside the files. */
export function journalOf({ directory }: NewSnapshot): string {
  return join(directory, "tar-split.json.gz");
}
