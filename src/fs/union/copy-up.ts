import { type ByteString, randomName } from "../../base/index.ts";
import { joinPath } from "../../tree/index.ts";
import { constants } from "../constants.ts";
import { COPY_CHUNK, openSource } from "../content-source.ts";
import type { FailedCall } from "../errno-error.ts";
import type { ContentReference, HandleLike } from "../fs-like.ts";
import { fsPath } from "./branch.ts";
import type { LinkGroups } from "./link-groups.ts";
import { MARKER, UNFINISHED } from "./markers.ts";
import { type UnionNode, type UnionTree, UPPER } from "./union-tree.ts";
import type { Upper } from "./upper.ts";

/** The halves of a union, for what moves files from the lowers to the upper. */
export interface Halves {
  readonly tree: UnionTree;
  readonly upper: Upper;
  readonly groups: LinkGroups;
}

/** How a file is copied up. */
export interface CopyUpWish {
  readonly call: FailedCall;
  /** The content is about to be thrown away: do not copy it. */
  readonly isTruncated?: boolean;
}

/** Whether the upper has the file already. */
export function isInUpper(node: UnionNode): boolean {
  return node.branches[0] === UPPER;
}

/** Makes a directory, and those above it, in the upper, with all that they have; what they hold stays where it is. */
export async function copyUpDirectory(halves: Halves, node: UnionNode): Promise<void> {
  const { tree } = halves;
  const missing: UnionNode[] = [];
  for (let at: UnionNode | undefined = node; at !== undefined && !isInUpper(at); at = at.parent) missing.push(at);
  for (const directory of missing.reverse()) {
    // The same change may have met the directory by another way, and have it in the upper already.
    const isThere = directory.parent !== undefined && (await tree.branches[UPPER]?.facts(directory.path)) !== undefined;
    if (!isThere) await makeInUpper(halves, directory);
    directory.branches = [UPPER, ...directory.branches];
  }
}

async function makeInUpper({ tree, upper }: Halves, directory: UnionNode): Promise<void> {
  const xattrs = await tree.xattrs(directory);
  if (directory.parent === undefined) tree.claimRoot();
  else await upper.makeDirectory(directory.path, 0o700);
  await upper.dress(directory.path, directory.facts, xattrs);
  if (directory.parent !== undefined) await upper.untouch(directory.parent);
}

/**
 * Puts a file into the upper as it is; a directory without what it holds. All visible names of a file of the lower stay
 * names of one file: the kernel's overlayfs does that with its option `index=on`, and breaks the group otherwise.
 */
export async function copyUp(halves: Halves, node: UnionNode, wish: CopyUpWish): Promise<void> {
  if (isInUpper(node)) return;
  if (node.type === "directory") return copyUpDirectory(halves, node);
  const { tree, upper, groups } = halves;
  const parent = node.parent as UnionNode;
  const names = node.facts.nlink > 1 ? await groups.visibleNames(tree, node) : [node];
  await copyUpDirectory(halves, parent);
  await makeCopy(halves, node, wish);
  await upper.untouch(parent);
  for (const other of names) {
    if (other.path === node.path) continue;
    await copyUpDirectory(halves, other.parent as UnionNode);
    await upper.link(node.path, other.path);
    await upper.untouch(other.parent as UnionNode);
  }
  node.branches = [UPPER];
}

/** {@link copyUp} of a directory with all that it holds, so that nothing of it lies in the lowers any more, without markers. */
export async function copyUpTree(halves: Halves, node: UnionNode, wish: CopyUpWish): Promise<void> {
  await copyUp(halves, node, wish);
  if (node.type !== "directory") return;
  for await (const child of halves.tree.children(node)) await copyUpTree(halves, child, wish);
  await removeMarkers(halves, node);
  await halves.upper.untouch(node);
}

/** Takes all markers out of a directory of the upper. */
export async function removeMarkers({ tree, upper }: Halves, directory: UnionNode): Promise<void> {
  const names = (await tree.branches[UPPER]?.list(directory.path))?.keys() ?? [];
  for (const name of names) if (name.startsWith(MARKER)) await upper.unlink(joinPath(directory.path, name));
}

/** Under another name first, so that a copy that fails half way hides nothing. Symlinks are whole at once; memfs would follow them. */
async function makeCopy(halves: Halves, node: UnionNode, wish: CopyUpWish): Promise<void> {
  const { tree, upper } = halves;
  const isWhole = node.type === "symlink";
  const path = isWhole ? node.path : joinPath((node.parent as UnionNode).path, UNFINISHED + randomName());
  try {
    const xattrs = await tree.xattrs(node);
    await makeBare(halves, { node, path }, wish);
    await upper.dress(path, node.facts, xattrs);
    if (!isWhole) await upper.rename(path, node.path);
  } catch (error) {
    await upper.discard(path).catch(() => {});
    throw error;
  }
}

async function makeBare(
  { tree, upper }: Halves,
  { node, path }: { readonly node: UnionNode; readonly path: ByteString },
  { call, isTruncated = false }: CopyUpWish,
): Promise<void> {
  if (node.type === "symlink") return upper.makeSymlink(path, await tree.readLink(node));
  if (node.type !== "file") return upper.makeSpecial(path, node.facts, call);
  if (isTruncated || node.facts.size === 0) return upper.makeEmpty(path, 0o600);
  const content = referenceTo(tree, node);
  if (upper.fs.writeReference !== undefined) return upper.fs.writeReference(fsPath(path), 0o600, content);
  await copyData(upper, path, content);
}

function referenceTo(tree: UnionTree, node: UnionNode): ContentReference {
  const branch = tree.branchOf(node);
  const { fs } = branch;
  const { size } = node.facts;
  return {
    size,
    origin: { fs, path: node.path },
    open: () => openSource(fs, fsPath(node.path), size),
    dataRuns: () => branch.dataRuns(node.path),
  };
}

/** Holes stay holes. */
async function copyData(upper: Upper, path: ByteString, content: ContentReference): Promise<void> {
  const source = await content.open();
  await using _ = source;
  const runs = await content.dataRuns?.();
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const handle = await upper.fs.open(fsPath(path), O_WRONLY | O_CREAT | O_EXCL, 0o600);
  try {
    for (const { offset, length } of runs ?? [{ offset: 0, length: content.size }]) {
      let at = offset;
      for await (const chunk of source.stream({ start: offset, end: offset + length })) {
        await writeAll(handle, chunk, at);
        at += chunk.length;
      }
    }
    if (runs !== undefined) await handle.truncate(content.size);
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: HandleLike, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(COPY_CHUNK, bytes.length - done);
    done += (await handle.write(bytes, done, length, position + done)).bytesWritten;
  }
}
