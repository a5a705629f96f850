import type { ByteString } from "../../base/index.ts";
import { joinPath } from "../../tree/index.ts";
import { errnoError, type FailedCall } from "../errno-error.ts";
import { copyUp, copyUpDirectory, copyUpTree, type Halves, isInUpper, removeMarkers } from "./copy-up.ts";
import { MARKER, opaquePath, whiteoutPath } from "./markers.ts";
import { type UnionNode, UPPER } from "./union-tree.ts";
import type { Place } from "./walk-to.ts";

const MARKER_MODE = 0o600;

/** What is made under a new name. */
export interface Making {
  readonly call: FailedCall;
  readonly isDirectory: boolean;
  /** Permission bits, for what has any. */
  readonly mode?: number;
  /** One more name of a file that exists: nothing else about the file changes. */
  readonly isLink?: boolean;
  /** Makes it in the upper. */
  readonly make: (path: ByteString) => Promise<void>;
}

/**
 * The name that shall come to be.
 * @throws EEXIST, ENOENT when a slash follows the name of what will be no directory, EPERM for names of markers
 */
export function assertFree({ node, last, name, hasSlash }: Place, call: FailedCall, isDirectory: boolean): void {
  if (node !== undefined || last !== "name") throw errnoError("EEXIST", call);
  if (hasSlash && !isDirectory) throw errnoError("ENOENT", call);
  if (name.startsWith(MARKER)) throw errnoError("EPERM", call);
}

/** Makes something under a free name, which may hide what the lowers have there. Returns its path. */
export async function makeName(halves: Halves, { directory, name }: Place, making: Making): Promise<ByteString> {
  const { tree, upper } = halves;
  const path = joinPath(directory.path, name);
  const hidden = await tree.childBelow(directory, name);
  await copyUpDirectory(halves, directory);
  await making.make(path);
  if (making.isDirectory && hidden?.type === "directory") await upper.makeEmpty(opaquePath(path), MARKER_MODE);
  if (making.isLink !== true) await dressNew(halves, directory, { ...making, path });
  if (hidden !== undefined) await upper.discard(whiteoutPath(directory.path, name));
  await upper.touch(directory);
  return path;
}

/** The mode exactly, whatever the process's own mask, and what a directory with its setgid bit hands down. */
async function dressNew(
  { tree, upper }: Halves,
  { facts }: UnionNode,
  { path, mode, isDirectory }: Making & { readonly path: ByteString },
): Promise<void> {
  const handsDown = (facts.mode & 0o2000) !== 0;
  const made = handsDown ? await tree.branches[UPPER]?.facts(path) : undefined;
  if (made !== undefined) await upper.chown(path, made.uid, facts.gid);
  if (mode !== undefined) await upper.chmod(path, handsDown && isDirectory ? mode | 0o2000 : mode);
  if (upper.fixedTime !== undefined) await upper.setTimes(path, upper.fixedTime, upper.fixedTime);
}

/** {@link removeName} with all that a directory holds: what lies in the lowers only is hidden at once. */
export async function removeTree(halves: Halves, node: UnionNode): Promise<void> {
  if (node.type === "directory" && isInUpper(node)) await emptyUpper(halves, node.path);
  await removeName(halves, node);
}

async function emptyUpper(halves: Halves, directory: ByteString): Promise<void> {
  const { tree, upper } = halves;
  for (const [name, type] of (await tree.branches[UPPER]?.list(directory)) ?? []) {
    const path = joinPath(directory, name);
    if (type !== "directory") await upper.unlink(path);
    else {
      await emptyUpper(halves, path);
      await upper.removeDirectory(path);
    }
  }
}

/** Removes a name. The caller has made sure that it may go, and that a directory is empty. */
export async function removeName(halves: Halves, node: UnionNode): Promise<void> {
  const { tree, upper } = halves;
  const directory = node.parent as UnionNode;
  const hidden = await tree.childBelow(directory, node.name);
  await copyUpDirectory(halves, directory);
  // First the whiteout, so that nothing of the lowers comes to light in between.
  if (hidden !== undefined) await hide(halves, directory, node);
  if (isInUpper(node)) {
    if (node.type !== "directory") await upper.unlink(node.path);
    else {
      await removeMarkers(halves, node);
      await upper.removeDirectory(node.path);
    }
  }
  await upper.touch(directory);
}

async function hide({ tree, upper, groups }: Halves, directory: UnionNode, node: UnionNode): Promise<void> {
  const marker = whiteoutPath(directory.path, node.name);
  if ((await tree.branches[UPPER]?.facts(marker)) === undefined) await upper.makeEmpty(marker, MARKER_MODE);
  groups.disturb();
}

/** Gives a file one more name, which is free. */
export async function linkName(
  halves: Halves,
  node: UnionNode,
  { place, call }: { readonly place: Place; readonly call: FailedCall },
): Promise<void> {
  await copyUp(halves, node, { call });
  const make = (path: ByteString): Promise<void> => halves.upper.link(node.path, path);
  await makeName(halves, place, { call, isDirectory: false, isLink: true, make });
}

/** Moves a name to another place; what is there is replaced. The caller has made sure that this may be. */
export async function moveName(
  halves: Halves,
  node: UnionNode,
  { place, call }: { readonly place: Place; readonly call: FailedCall },
): Promise<void> {
  const { tree, upper } = halves;
  const from = node.parent as UnionNode;
  const to = place.directory;
  const path = joinPath(to.path, place.name);
  const left = await tree.childBelow(from, node.name);
  const hidden = await tree.childBelow(to, place.name);
  await copyUpTree(halves, node, { call });
  await copyUpDirectory(halves, to);
  await makeRoom(halves, place.node);
  if (node.type === "directory" && hidden?.type === "directory") {
    await upper.makeEmpty(opaquePath(node.path), MARKER_MODE);
    await upper.untouch(node);
  }
  if (left !== undefined) await upper.makeEmpty(whiteoutPath(from.path, node.name), MARKER_MODE);
  await upper.rename(node.path, path);
  if (hidden !== undefined) await upper.discard(whiteoutPath(to.path, place.name));
  await upper.touch(from);
  await upper.touch(to);
}

/** What a rename replaces: rename(2) of the upper does it for files, and for directories that hold no markers. */
async function makeRoom(halves: Halves, replaced: UnionNode | undefined): Promise<void> {
  if (replaced === undefined) return;
  halves.groups.disturb();
  if (isInUpper(replaced) && replaced.type === "directory") await removeMarkers(halves, replaced);
}
