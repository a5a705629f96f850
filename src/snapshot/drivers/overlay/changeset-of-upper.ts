import { existsSync } from "node:fs";
import {
  type Changeset,
  createChangeset,
  createOverlayChangeset,
  directoryTree,
  overlayTree,
} from "../../../changeset/index.ts";
import type { NewSnapshot } from "../../snapshot-driver.ts";
import { escapedOf, filesOf, opaqueOf } from "./upper-places.ts";

/** What there is to know besides the directories. */
export interface UpperOptions {
  readonly usesUserXattrs: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What the upper directory of a snapshot makes of those below. @param shown the parents that show, nearest first */
export async function changesetOfUpper(
  snapshot: NewSnapshot,
  shown: readonly NewSnapshot[],
  { usesUserXattrs, signal }: UpperOptions,
): Promise<Changeset> {
  const options = { isTrustedOnly: !usesUserXattrs, signal };
  const [upper, lowers] = [filesOf(snapshot), shown.map(filesOf)];
  const hidesAll = existsSync(opaqueOf(snapshot));
  if (lowers.length > 0 && !hidesAll) {
    return await createOverlayChangeset({ lowers, upper }, options);
  }
  // What has nothing below is bound as it is, unless it was written in the way of overlayfs.
  const whole =
    hidesAll || existsSync(escapedOf(snapshot))
      ? await overlayTree({ lowers: [upper] }, options)
      : await directoryTree(upper, { keepOverlayXattrs: true, signal });
  const lower = lowers.length === 0 ? undefined : await overlayTree({ lowers }, options);
  return await createChangeset(lower, whole, { signal });
}
