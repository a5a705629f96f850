import assert from "node:assert/strict";
import {
  type LayerStack,
  type Mount,
  type SnapshotInfo,
  type SnapshotName,
  type Snapshotter,
  snapshotKey,
  snapshotName,
} from "../../snapshot/index.ts";
import { type DirectoryEdit, editDirectory } from "../adapters/edit-directory.ts";
import { readDirectory } from "../adapters/read-directory.ts";
import type { TarStep } from "../tar-script.ts";
import { type TreeFile, treeScript, treeText } from "../tree-script.ts";
import type { SnapshotterPlace } from "./snapshotter-case.ts";

/** A snapshotter and where it lies. */
export interface Scene {
  readonly snapshots: Snapshotter;
  readonly place: SnapshotterPlace;
}

/** What is done to a mounted snapshot. */
export type Edits = readonly (TarStep | DirectoryEdit)[];

/** Prepares on the parent, edits, commits as `name`. */
export async function layer(
  { snapshots, place }: Scene,
  name: string,
  parent: string | undefined,
  ...edits: Edits
): Promise<void> {
  const key = snapshotKey(`${name} in the making`);
  const mounts = await snapshots.prepare(key, parent === undefined ? undefined : snapshotName(parent));
  if (edits.length > 0) await place.withMounted(mounts, (directory) => editDirectory(directory, ...edits));
  await snapshots.commit(snapshotName(name), key);
}

/** The tree that a view of the snapshot shows. */
export async function viewed({ snapshots, place }: Scene, name: string): Promise<TreeFile[]> {
  const key = snapshotKey(`view of ${name}`);
  const mounts = await snapshots.view(key, snapshotName(name));
  const files = await place.withMounted(mounts, readDirectory);
  await snapshots.remove(key);
  return files;
}

/** The tree that mounts show. */
export async function mounted({ place }: Scene, mounts: readonly Mount[]): Promise<TreeFile[]> {
  return await place.withMounted(mounts, readDirectory);
}

/** A view of the snapshot shows what the steps describe; times are not compared, nor is the root unless a step names it. */
export async function assertShows(scene: Scene, name: string, ...steps: readonly TarStep[]): Promise<void> {
  assertTree(await viewed(scene, name), ...steps);
}

/** The tree is what the steps describe; times are not compared, nor is the root unless a step names it. */
export function assertTree(files: readonly TreeFile[], ...steps: readonly TarStep[]): void {
  const options = { withoutTimes: true, withoutRoot: !steps.some(({ name }) => name === "./") };
  assert.equal(treeText(files, options), treeText(treeScript(...steps), options));
}

/** Stages and commits all layers of the stack under their chainIDs. @returns the topmost name */
export async function unpack({ snapshots }: Scene, stack: LayerStack): Promise<SnapshotName> {
  let parent: SnapshotName | undefined;
  for (const [i, chainId] of stack.chainIds.entries()) {
    await using staged = await snapshots.stage(stack, i);
    const name = snapshotName(chainId);
    await staged.commit(name, parent);
    parent = name;
  }
  assert.ok(parent !== undefined, "an image without layers");
  return parent;
}

/** All names that are there, sorted. */
export async function names(snapshots: Snapshotter): Promise<string[]> {
  const all: SnapshotInfo[] = [];
  for await (const info of snapshots.walk()) all.push(info);
  return all.map(({ name }) => name).sort();
}
