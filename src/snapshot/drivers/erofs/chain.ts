import { StrataError } from "../../../base/index.ts";
import type { DiffId, Digest } from "../../../oci/index.ts";
import type { DrivenSnapshot } from "../../snapshot-driver.ts";

/** A committed snapshot with all that it stands on: layers, of which each is the tar that one snapshot's record names. */
export interface Chain {
  /** The committed snapshot that is mounted, and in whose directory lies what was derived from the chain. */
  readonly top: Pick<DrivenSnapshot, "id" | "directory">;
  /** Base first. */
  readonly diffIds: readonly DiffId[];
}

/** @param snapshots committed ones, nearest first, at least one */
export function chainOf(snapshots: readonly DrivenSnapshot[]): Chain {
  return { top: snapshots[0] as DrivenSnapshot, diffIds: snapshots.map(diffIdOf).reverse() };
}

function diffIdOf({ info }: DrivenSnapshot): DiffId {
  const [content, ...more] = info.content as readonly (Digest | undefined)[];
  if (content !== undefined && more.length === 0) return content as string as DiffId;
  throw new StrataError({
    code: "snapshot-record-broken",
    kind: "malformed",
    message: `The record of the snapshot ${info.name} names ${info.content.length} tars where one is needed`,
    details: { snapshot: info.name },
    hint: "Remove the snapshot and pull its image again",
  });
}
