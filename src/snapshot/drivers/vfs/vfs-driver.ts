import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fromText } from "../../../base/index.ts";
import { changesOfLayer, copyTree, extractChanges, measureTree } from "../../../directory/index.ts";
import { isLinux, syncFileSystem } from "../../../linux/index.ts";
import type { CommittedFacts, DrivenSnapshot, NewSnapshot, SnapshotDriver } from "../../snapshot-driver.ts";
import type { Mount, SnapshotUsage } from "../../snapshotter.ts";
import { changesetOfCopies } from "../changeset-of-copies.ts";
import { asEmptyRoot } from "../empty-root.ts";
import { ownersOf } from "../owners-of.ts";

/**
 * Keeps every snapshot as a whole copy of its parent in which its changes are made: works on every file system and for
 * every user, and takes the space and the time of that. Copies share their blocks where the file system can (reflinks).
 *
 * `<id>/fs` is the root directory of the snapshot.
 */
export function createVfsDriver(): SnapshotDriver {
  return {
    name: "vfs",
    create: async (snapshot, parents) => {
      await copyParent(snapshot, parents);
      if (parents.length > 0) await sync(snapshot.directory);
    },
    mounts: async (snapshot) => [mountOf(snapshot)],
    commit: async (snapshot) => {
      await sync(snapshot.directory);
      return await factsOf(snapshot);
    },
    changeset: (snapshot, [parent], options) => changesetOfCopies(parent && rootOf(parent), rootOf(snapshot), options),
    async stage() {},
    async commitStaged(place, parents, { stack, layer, signal }) {
      await copyParent(place, parents, signal);
      const changes = changesOfLayer(stack.tree, layer);
      await extractChanges(rootOf(place), changes, stack, { owners: await ownersOf(place), signal });
      await sync(place.directory);
      return await factsOf(place);
    },
    async warm() {},
    usage: (snapshot) => measureTree(rootOf(snapshot)),
    async remove() {},
    cleanup: async () => [],
  };
}

function rootOf({ directory }: NewSnapshot): string {
  return join(directory, "fs");
}

function mountOf(snapshot: DrivenSnapshot): Mount {
  return {
    type: "bind",
    source: rootOf(snapshot),
    options: [snapshot.info.kind === "view" ? "ro" : "rw", "rbind"],
  };
}

async function copyParent(
  place: NewSnapshot,
  [parent]: readonly DrivenSnapshot[],
  signal?: AbortSignal,
): Promise<void> {
  if (parent !== undefined) return await copyTree(rootOf(parent), rootOf(place), { signal });
  await mkdir(rootOf(place));
  await asEmptyRoot(rootOf(place));
}

async function factsOf(place: NewSnapshot): Promise<CommittedFacts> {
  const usage: SnapshotUsage = await measureTree(rootOf(place));
  return { content: [], usage };
}

async function sync(directory: string): Promise<void> {
  if (isLinux()) await syncFileSystem(fromText(directory));
}
