import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ByteString, fromText } from "../../../base/index.ts";
import { changesOfLayer, extractChanges, measureTree } from "../../../directory/index.ts";
import {
  createSubvolume,
  isSubvolumeReadOnly,
  setSubvolumeReadOnly,
  snapshotSubvolume,
  syncFileSystem,
} from "../../../linux/index.ts";
import type {
  CommittedFacts,
  DrivenSnapshot,
  DriverResources,
  NewSnapshot,
  SnapshotDriver,
  StagedStack,
} from "../../snapshot-driver.ts";
import type { SnapshotUsage } from "../../snapshotter.ts";
import { changesetOfCopies } from "../changeset-of-copies.ts";
import { asEmptyRoot } from "../empty-root.ts";
import { ownersOf } from "../owners-of.ts";
import { assertOnBtrfs } from "./assert-on-btrfs.ts";
import { measureDifference } from "./measure-difference.ts";
import { removeSubvolume } from "./remove-subvolume.ts";

/**
 * Keeps every snapshot as a subvolume of btrfs, which begins as a snapshot of its parent's and shares with it whatever is
 * the same. What is deleted is simply not there: no whiteouts, no number of layers that were too many.
 *
 * `<id>/fs` is the subvolume; nobody can write into that of a committed snapshot or a view. A subvolume that somebody
 * makes inside an active snapshot is an empty directory in its children: btrfs does not snapshot across.
 * @throws StrataError `not-on-btrfs`
 */
export function createBtrfsDriver({ root }: DriverResources): SnapshotDriver {
  assertOnBtrfs(root);
  return {
    name: "btrfs",
    async create(snapshot, parents) {
      const isView = snapshot.info.kind === "view";
      await begin(snapshot, parents, isView);
      if (isView && parents.length === 0) setSubvolumeReadOnly(volumeOf(snapshot), true);
    },
    mounts: async (snapshot) => {
      const isView = snapshot.info.kind === "view";
      // A commit that failed after all may have closed it.
      if (!isView && isSubvolumeReadOnly(volumeOf(snapshot))) setSubvolumeReadOnly(volumeOf(snapshot), false);
      return [{ type: "bind", source: rootOf(snapshot), options: [isView ? "ro" : "rw", "rbind"] }];
    },
    commit: (snapshot, parents) => close(snapshot, parents),
    changeset: (snapshot, [parent], options) => changesetOfCopies(parent && rootOf(parent), rootOf(snapshot), options),
    async stage() {},
    commitStaged: applyLayer,
    async warm() {},
    usage: (snapshot, parents) => usageOf(snapshot, parents),
    async remove(place) {
      if (existsSync(rootOf(place))) await removeSubvolume(volumeOf(place));
    },
    cleanup: async () => [],
  };
}

function rootOf({ directory }: NewSnapshot): string {
  return join(directory, "fs");
}

function volumeOf(place: NewSnapshot): ByteString {
  return fromText(rootOf(place));
}

async function begin(place: NewSnapshot, [parent]: readonly DrivenSnapshot[], isReadOnly: boolean): Promise<void> {
  if (parent !== undefined) return snapshotSubvolume(volumeOf(parent), volumeOf(place), { isReadOnly });
  createSubvolume(volumeOf(place));
  await asEmptyRoot(rootOf(place));
}

async function applyLayer(
  place: NewSnapshot,
  parents: readonly DrivenSnapshot[],
  { stack, layer, signal }: StagedStack,
): Promise<CommittedFacts> {
  await begin(place, parents, false);
  await extractChanges(rootOf(place), changesOfLayer(stack.tree, layer), stack, {
    owners: await ownersOf(place),
    signal,
  });
  return await close(place, parents);
}

async function close(place: NewSnapshot, parents: readonly DrivenSnapshot[]): Promise<CommittedFacts> {
  setSubvolumeReadOnly(volumeOf(place), true);
  await syncFileSystem(volumeOf(place));
  return { content: [], usage: await usageOf(place, parents) };
}

async function usageOf(place: NewSnapshot, [parent]: readonly DrivenSnapshot[]): Promise<SnapshotUsage> {
  if (parent === undefined) return await measureTree(rootOf(place));
  return await measureDifference(rootOf(parent), rootOf(place));
}
